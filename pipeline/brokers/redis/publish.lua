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
--       if it is nothing but a message, m and this; else:
--       delay in ms, id for the window ('' none), window in ms, member if delayed (else ''),
--       number of fields and values, fields and values, number of arguments of its writes, which
--       are as in units.lua
-- Reply: OK, the last number, how many the window left out · UNKNOWN (make the producer known
--       first) · GAP and the last number stored · FULL and the depth · WRONGTYPE and the key ·
--       UNWRITABLE and why.

local field, first, depth = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local offset = tonumber(ARGV[5])
local last = redis.call('HGET', KEYS[4], field)
if not last then return {'UNKNOWN'} end
last = tonumber(last)
if first > last + 1 then return {'GAP', last} end
for n, wanted in pairs({'stream', 'zset', 'zset', [5] = 'stream'}) do
    local kind = redis.call('TYPE', KEYS[n]).ok
    if kind ~= 'none' and kind ~= wanted then return {'WRONGTYPE', KEYS[n]} end
end

local at, number, fresh = 6, first, {}
while ARGV[at] do
    if number > last then fresh[#fresh + 1] = at end
    if ARGV[at] == 'm' then
        at = at + 2
    else
        at = at + 5 + ARGV[at + 4]
        local last_of = at + ARGV[at]
        if last_of > at and number > last then
            local i = at + 2
            while i <= last_of do
                local argc = tonumber(ARGV[i + 2])
                local why = refused(ARGV[i], tonumber(ARGV[i + 1]), i + 3, argc)
                if why then return {'UNWRITABLE', why} end
                i = i + 3 + argc
            end
        end
        at = last_of + 1
    end
    number = number + 1
end
if depth > 0 and #fresh > 0 then
    local length = redis.call('EXISTS', KEYS[1]) == 1 and redis.call('XLEN', KEYS[1]) or 0
    if length + #fresh > depth then return {'FULL', length} end
end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000) + offset
local function seen(id, window)
    local till = redis.call('ZSCORE', KEYS[3], id)
    if till and tonumber(till) > now then return true end
    redis.call('ZADD', KEYS[3], now + window, id)
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
    -- Whole, once nobody publishes any more: it holds nothing then that still counts.
    if redis.call('PTTL', KEYS[3]) < tonumber(window) then redis.call('PEXPIRE', KEYS[3], window) end
    return false
end

-- An instance makes its queue before it tells anybody, and none is left behind it.
local nobody = string.find(field, '@', 1, true) and redis.call('EXISTS', KEYS[1]) == 0
local twins = 0
local function add(parts)
    if nobody then return redis.call('XADD', KEYS[5], '*', unpack(gone(field, parts, now))) end
    redis.call('XADD', KEYS[1], '*', unpack(parts))
end

local function store(i)
    local is_twin = ARGV[i + 1] ~= '' and seen(ARGV[i + 1], ARGV[i + 2])
    if is_twin then
        twins = twins + 1
    elseif ARGV[i] ~= '0' then
        redis.call('ZADD', KEYS[2], now + ARGV[i], ARGV[i + 3])
    else
        add({unpack(ARGV, i + 5, i + 4 + ARGV[i + 4])})
    end
    local writes = i + 5 + ARGV[i + 4]
    if not is_twin and ARGV[writes] ~= '0' then write(writes + 1, offset) end
end

for _, i in ipairs(fresh) do
    if ARGV[i] ~= 'm' then
        store(i)
    elseif nobody then
        add({'m', ARGV[i + 1]})
    else
        redis.call('XADD', KEYS[1], '*', 'm', ARGV[i + 1])
    end
end
if #fresh > 0 then
    last = number - 1
    redis.call('HSET', KEYS[4], field, last)
    redis.call('EXPIRE', KEYS[4], ARGV[4])
end
return {'OK', last, twins}
