-- Notes that an attempt has failed of what stays in hand.
--
-- KEYS  1 the queue's stream, 2 its fence (its token, or its lease), 3 its notes
-- ARGV  1 the group, 2 the token it was read under, 3 its id, 4 the next attempt's number, 5 its
--       history, 6 ms until the next attempt, 7 a time offset in ms (tests), 8 how long the notes
--       are kept in s
-- Reply: 1 noted, 0 not ours any more, FENCED.
--
-- HDEL comes first: the server allows it at its memory limit, and then allows the rest.

if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 'FENCED' end
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1) == 0 then return '0' end
local t = redis.call('TIME')
local due = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[7] + ARGV[6]
redis.call('HDEL', KEYS[3], ARGV[3])
redis.call('HSET', KEYS[3], ARGV[3], string.format('%d %.0f ', ARGV[4], due) .. ARGV[5])
redis.call('EXPIRE', KEYS[3], ARGV[8])
return '1'
