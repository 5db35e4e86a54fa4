-- What all scripts share that write to the store: saying beforehand whether a write can be done, and
-- doing it. Stands before them, and gone.lua before it.
--
-- Writes in ARGV, from position at:
--   number of writes, then for each: code, index into KEYS, number of arguments, arguments

local TYPES = {P = 'stream', G = 'stream', L = 'zset', S = 'string', I = 'string', H = 'hash', h = 'hash', d = 'hash',
               A = 'set', R = 'set', Z = 'zset', z = 'zset', T = 'zset', W = 'stream', D = false, E = false}
local LIMIT = 9.2e18
-- Where each write has its time to live among its arguments, from 0.
local TTL = {S = 0, I = 1, H = 0, A = 0, Z = 0, E = 0}

local clock
local function now(offset)
    if not clock then
        local t = redis.call('TIME')
        clock = t[1] * 1000 + math.floor(t[2] / 1000) + offset
    end
    return clock
end

-- Asked once; of what is not there, until it is written to.
local kinds = {}
local function kind_of(n)
    local kind = kinds[n]
    if not kind then
        kind = redis.call('TYPE', KEYS[n]).ok
        kinds[n] = kind
    end
    return kind
end

-- As the server itself takes them: '007' and '-0' are none.
local function integer(text)
    return text == '0' or string.find(text, '^%-?[1-9]%d*$')
end

local function added(value, by)
    if not integer(by) then return 'not an integer: ' .. by end
    if value and not integer(value) then return 'the stored value is no integer' end
    if math.abs(tonumber(value or '0') + tonumber(by)) > LIMIT then return 'the sum is out of range' end
end

-- A reason why this write can't be done, or nothing.
local function refused(code, n, at, argc)
    local wanted = TYPES[code]
    if wanted == nil then return 'unknown write ' .. tostring(code) end
    if not KEYS[n] then return 'no key for write ' .. code end
    if wanted then
        local kind = kind_of(n)
        if kind ~= 'none' and kind ~= wanted then
            return KEYS[n] .. ' holds a ' .. kind .. ', not a ' .. wanted
        end
    end
    for i = at, at + argc - 1 do
        if not ARGV[i] then return 'too few arguments for write ' .. code end
    end
    if argc > 4000 then return 'too many arguments for one write: ' .. argc end
    local ttl = TTL[code] and ARGV[at + TTL[code]]
    if ttl and not (string.find(ttl, '^%d+$') and #ttl < 16) then return 'not a time to live: ' .. ttl end
    if code == 'I' then return added(redis.call('GET', KEYS[n]), ARGV[at]) end
    if code == 'h' then return added(redis.call('HGET', KEYS[n], ARGV[at]), ARGV[at + 1]) end
    if code == 'Z' then
        local score = tonumber(ARGV[at + 1])
        if not score or score ~= score then return 'not a score: ' .. ARGV[at + 1] end
    end
    if code == 'T' then
        local below, most = tonumber(ARGV[at]), ARGV[at + 1]
        if not below or below ~= below then return 'not a score: ' .. ARGV[at] end
        if not (string.find(most, '^[1-9]%d*$') and tonumber(most) <= 2000) then return 'not a number to remove: ' .. most end
    end
    if code == 'P' or code == 'G' then
        local kind = code == 'G' and kind_of(tonumber(ARGV[at])) or 'none'
        if kind ~= 'none' and kind ~= 'stream' then return KEYS[tonumber(ARGV[at])] .. ' holds a ' .. kind end
        if argc % 2 == 1 or argc < (code == 'G' and 4 or 2) then return 'a message needs names and values' end
    end
    if code == 'L' and not tonumber(ARGV[at]) then return 'not a delay: ' .. ARGV[at] end
    if code == 'H' and (argc < 3 or argc % 2 == 0) then return 'fields need names and values' end
end

local function expire(reply, key, ttl)
    if ttl ~= '0' and not (type(reply) == 'table' and reply.err) then redis.pcall('PEXPIRE', key, ttl) end
    return reply
end

local perform = {
    P = function(key, at, argc) return redis.pcall('XADD', key, '*', unpack(ARGV, at, at + argc - 1)) end,
    -- To an instance: if it is gone, the message is a dead letter. Its queue is there before anybody
    -- is told of it.
    G = function(key, at, argc, offset)
        local parts = {unpack(ARGV, at + 2, at + argc - 1)}
        if redis.call('EXISTS', key) == 1 then return redis.pcall('XADD', key, '*', unpack(parts)) end
        return redis.pcall('XADD', KEYS[tonumber(ARGV[at])], '*', unpack(gone(ARGV[at + 1], parts, now(offset))))
    end,
    L = function(key, at, argc, offset)
        return redis.pcall('ZADD', key, now(offset) + ARGV[at], ARGV[at + 1])
    end,
    S = function(key, at)
        if ARGV[at] == '0' then return redis.pcall('SET', key, ARGV[at + 1]) end
        return redis.pcall('SET', key, ARGV[at + 1], 'PX', ARGV[at])
    end,
    -- Wakes who waits for room in a queue with a limit; the entry says nothing but that it is new.
    W = function(key) return redis.pcall('XADD', key, 'MAXLEN', 1, '*', 'w', '') end,
    D = function(key) return redis.pcall('DEL', key) end,
    I = function(key, at) return expire(redis.pcall('INCRBY', key, ARGV[at]), key, ARGV[at + 1]) end,
    H = function(key, at, argc)
        return expire(redis.pcall('HSET', key, unpack(ARGV, at + 1, at + argc - 1)), key, ARGV[at])
    end,
    d = function(key, at, argc) return redis.pcall('HDEL', key, unpack(ARGV, at, at + argc - 1)) end,
    h = function(key, at) return redis.pcall('HINCRBY', key, ARGV[at], ARGV[at + 1]) end,
    A = function(key, at, argc)
        return expire(redis.pcall('SADD', key, unpack(ARGV, at + 1, at + argc - 1)), key, ARGV[at])
    end,
    R = function(key, at, argc) return redis.pcall('SREM', key, unpack(ARGV, at, at + argc - 1)) end,
    Z = function(key, at)
        return expire(redis.pcall('ZADD', key, ARGV[at + 1], ARGV[at + 2]), key, ARGV[at])
    end,
    z = function(key, at, argc) return redis.pcall('ZREM', key, unpack(ARGV, at, at + argc - 1)) end,
    T = function(key, at)
        local old = redis.call('ZRANGEBYSCORE', key, '-inf', '(' .. ARGV[at], 'LIMIT', 0, ARGV[at + 1])
        if #old == 0 then return 0 end
        return redis.pcall('ZREM', key, unpack(old))
    end,
    E = function(key, at) return redis.pcall('PEXPIRE', key, ARGV[at]) end,
}

-- Does the writes of the unit; answers the first error's text, or nothing. An error that ends it, if
-- is_end says so, is answered as it came.
local function write(at, offset, is_end)
    local failed
    local count = tonumber(ARGV[at])
    at = at + 1
    for _ = 1, count do
        local n, argc = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
        local reply = perform[ARGV[at]](KEYS[n], at + 3, argc, offset)
        if kinds[n] == 'none' then kinds[n] = nil end
        if type(reply) == 'table' and reply.err then
            if is_end and is_end(reply.err) then return reply end
            failed = failed or reply.err
        end
        at = at + 3 + argc
    end
    return failed
end
