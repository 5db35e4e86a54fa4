-- Takes a dead worker off the list, and notes for a while who it was.
--
-- KEYS  1 the beats, 2 the cards, 3 who died lately
-- ARGV  1 the worker, 2 its beat as last seen, 3 for how many ms it is noted, 4 how many are
-- Reply: 1, or 0 when it beats again or another was first.

if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZREM', KEYS[1], ARGV[1])
local card = redis.call('HGET', KEYS[2], ARGV[1])
if card then
    local t = redis.call('TIME')
    local now = t[1] * 1000 + math.floor(t[2] / 1000)
    redis.call('HDEL', KEYS[2], ARGV[1])
    redis.call('ZADD', KEYS[3], now, ARGV[1] .. ' ' .. ARGV[2] .. ' ' .. card)
    redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - ARGV[3])
    redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - ARGV[4])
    redis.call('PEXPIRE', KEYS[3], ARGV[3])
end
return 1
