-- Stores a producer's batch for one queue, once, in order.
--
-- Every message of a producer has a number; a batch carries its first. What was stored before is
-- skipped, a hole is refused, so that a batch may be sent again when its answer was lost, and a
-- batch that overtook a refused one stores nothing.
--
-- KEYS  1 the queue's stream, 2 its delayed messages, 3 its window of ids seen, 4 the producer,
--       5 its dead letters, 6.. every key that is written with a message
-- ARGV  1 the queue's field in the producer, 2 first number, 3 max depth (0 none), 4 the
--       producer's time to live in s, 5 a time offset in ms (tests), then for each message,
--       if it is nothing but a message, m and this; if it only has writes, w, this, number of
--       arguments of its writes, and these, which are as in writes.lua; if those are a value and a
--       member of a sorted set, as of most calls of tasks, s, this, index into KEYS, time to live,
--       value, index into KEYS, time to live, score, member; else:
--       delay in ms, id for the window ('' none), window in ms, member if delayed (else ''),
--       number of fields and values, fields and values, number of arguments of its writes, and these
-- Reply: OK, the last number, how many the window left out · UNKNOWN (make the producer known
--       first) · GAP and the last number stored · FULL and the depth · WRONGTYPE and the key ·
--       UNWRITABLE and why.

local field, first, depth = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local offset = tonumber(ARGV[5])
local last = redis.call('HGET', KEYS[4], field)
if not last then return {'UNKNOWN'} end
last = tonumber(last)
if first > last + 1 then return {'GAP', last} end

-- A reason why one of these writes can't be done, or nothing.
local function unwritable(at)
    local count = tonumber(ARGV[at])
    at = at + 1
    for _ = 1, count do
        local argc = tonumber(ARGV[at + 2])
        local why = refused(ARGV[at], tonumber(ARGV[at + 1]), at + 3, argc)
        if why then return why end
        at = at + 3 + argc
    end
end

local at, number, fresh, why = 6, first, {}
local touched = {} -- of the queue's own keys, by their place, the type that each should have
while ARGV[at] do
    local form, is_fresh = ARGV[at], number > last
    if is_fresh then
        fresh[#fresh + 1] = at
        if form == 'm' or form == 'w' or form == 's' or form == '0' then touched[1] = 'stream' else touched[2] = 'zset' end
    end
    if form == 'm' then
        at = at + 2
    elseif form == 's' then
        if is_fresh and not why then
            why = refused('S', tonumber(ARGV[at + 2]), at + 3, 2) or refused('Z', tonumber(ARGV[at + 5]), at + 6, 3)
        end
        at = at + 9
    else
        if form == 'w' then
            at = at + 2
        else
            if is_fresh and ARGV[at + 1] ~= '' then touched[3] = 'zset' end
            at = at + 5 + ARGV[at + 4]
        end
        if is_fresh and ARGV[at] ~= '0' then why = why or unwritable(at + 1) end
        at = at + 1 + ARGV[at]
    end
    number = number + 1
end
-- An instance makes its queue before it tells anybody, and none is left behind it.
local nobody = string.find(field, '@', 1, true) and redis.call('EXISTS', KEYS[1]) == 0
if nobody then touched[5] = 'stream' end
for n = 1, 5 do
    local kind = touched[n] and redis.call('TYPE', KEYS[n]).ok
    if kind and kind ~= 'none' and kind ~= touched[n] then return {'WRONGTYPE', KEYS[n]} end
end
if why then return {'UNWRITABLE', why} end
if depth > 0 and #fresh > 0 then
    local length = redis.call('EXISTS', KEYS[1]) == 1 and redis.call('XLEN', KEYS[1]) or 0
    if length + #fresh > depth then return {'FULL', length} end
end

local function seen(id, window)
    local till, now = redis.call('ZSCORE', KEYS[3], id), now(offset)
    if till and tonumber(till) > now then return true end
    redis.call('ZADD', KEYS[3], now + window, id)
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
    -- Whole, once nobody publishes any more: it holds nothing then that still counts.
    if redis.call('PTTL', KEYS[3]) < tonumber(window) then redis.call('PEXPIRE', KEYS[3], window) end
    return false
end

local twins = 0
local function add(parts)
    if nobody then return redis.call('XADD', KEYS[5], '*', unpack(gone(field, parts, now(offset)))) end
    redis.call('XADD', KEYS[1], '*', unpack(parts))
end

-- A message and nothing else, but what may be written with it.
local function add_plain(payload)
    if nobody then return add({'m', payload}) end
    redis.call('XADD', KEYS[1], '*', 'm', payload)
end

local function store(i)
    local is_twin = ARGV[i + 1] ~= '' and seen(ARGV[i + 1], ARGV[i + 2])
    if is_twin then
        twins = twins + 1
    elseif ARGV[i] ~= '0' then
        redis.call('ZADD', KEYS[2], now(offset) + ARGV[i], ARGV[i + 3])
    else
        add({unpack(ARGV, i + 5, i + 4 + ARGV[i + 4])})
    end
    local writes = i + 5 + ARGV[i + 4]
    if not is_twin and ARGV[writes] ~= '0' then write(writes + 1, offset) end
end

for _, i in ipairs(fresh) do
    if ARGV[i] == 'm' then
        add_plain(ARGV[i + 1])
    elseif ARGV[i] == 's' then
        add_plain(ARGV[i + 1])
        perform.S(KEYS[tonumber(ARGV[i + 2])], i + 3)
        perform.Z(KEYS[tonumber(ARGV[i + 5])], i + 6)
    elseif ARGV[i] == 'w' then
        add_plain(ARGV[i + 1])
        write(i + 3, offset)
    else
        store(i)
    end
end
if #fresh > 0 then
    last = number - 1
    redis.call('HSET', KEYS[4], field, last)
    redis.call('EXPIRE', KEYS[4], ARGV[4])
end
return {'OK', last, twins}
