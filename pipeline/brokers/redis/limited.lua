-- Reads new entries of a queue with a limit, as many as may be taken now by all its consumers.
--
-- What is in hand is what is pending in the group: so room comes back in the very step that settles
-- a message, and what a dead consumer held counts until somebody has taken it over and settled it.
--
-- Stands behind position.lua.
--
-- KEYS  1 the queue's stream, 2 when entries were taken lately, 3 the stream that tells of room
-- ARGV  1 the group, 2 who reads, 3 how many, 4 the most in hand (0 any), 5 the most in a period
--       (0 any), 6 the period in ms, 7 a time offset in ms (tests), 8 NEW, or HELD to ask for the
--       rate only, for what is pending already
-- Reply: GONE with the group · OK and the entries, or for HELD how many · NONE and the last id that was read · FULL and the
--       last id of the stream that tells of room · WAIT and ms until there is room.
--
-- ZREMRANGEBYSCORE comes before ZADD, which the server would refuse at its memory limit.

local count, most, rate, period = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local is_new = ARGV[8] == 'NEW'

local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1])
if pending.err then return {'GONE'} end

if is_new and most > 0 then
    local room = most - pending[1]
    if room <= 0 then
        local told = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
        return {'FULL', told[1] and told[1][1] or '0-0'}
    end
    count = math.min(count, room)
end

local now, used = 0, 0
if rate > 0 then
    local t = redis.call('TIME')
    now = t[1] * 1000 + math.floor(t[2] / 1000) + tonumber(ARGV[7])
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - period)
    -- After the clock was set back these would hold up everybody for as long.
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '(' .. now + period, '+inf')
    used = redis.call('ZCARD', KEYS[2])
    if used >= rate then
        local oldest = redis.call('ZRANGE', KEYS[2], used - rate, used - rate, 'WITHSCORES')
        return {'WAIT', math.max(1, tonumber(oldest[2]) + period - now)}
    end
    count = math.min(count, rate - used)
end

local entries
if is_new then
    local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', count, 'STREAMS', KEYS[1], '>')
    if not read then return {'NONE', position(KEYS[1], ARGV[1])} end
    entries = read[1][2]
    count = #entries
end
if rate > 0 then
    for n = 1, count do redis.call('ZADD', KEYS[2], now, now .. ':' .. used + n) end
    redis.call('PEXPIRE', KEYS[2], period)
end
return {'OK', entries or count}
