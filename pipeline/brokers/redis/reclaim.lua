-- Takes over what a dead consumer held, without counting a delivery: it is counted when each is
-- handled, on probation.
--
-- KEYS  1 the queue's stream, 2 the beats, 3 the queue's token
-- ARGV  1 the group, 2 the dead consumer, 3 its beat as last seen ('' none), 4 who takes over,
--       5 how many at the most, 6 the token
-- Reply: ALIVE when the beat has moved on, FENCED, or id and delivery count of each entry, flat.

if redis.call('GET', KEYS[3]) ~= ARGV[6] then return {'FENCED'} end
if (redis.call('ZSCORE', KEYS[2], ARGV[2]) or '') ~= ARGV[3] then return {'ALIVE'} end
local held = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[5], ARGV[2])
local reply = {}
for _, entry in ipairs(held) do
    local id, count = entry[1], entry[4]
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[4], 0, id, 'JUSTID')
    reply[#reply + 1] = id
    reply[#reply + 1] = count
end
return reply
