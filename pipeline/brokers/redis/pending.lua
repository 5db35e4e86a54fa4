-- Claims what is pending in a queue that is read in order, a page at a time, whoever had it;
-- stands behind position.lua.
--
-- KEYS  1 the queue's stream, 2 its lease
-- ARGV  1 the group, 2 the lease as we have it, 3 who claims, 4 the id to begin with, 5 how many
-- Reply: LOST, or GONE with the group; or the last id that was ever read, then id and delivery count of each, flat.

if redis.call('GET', KEYS[2]) ~= ARGV[2] then return {'LOST'} end
local last = position(KEYS[1], ARGV[1])
if not last then return {'GONE'} end
local reply = {last}
for _, entry in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[4], '+', ARGV[5])) do
    if entry[2] ~= ARGV[3] then redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, entry[1], 'JUSTID') end
    reply[#reply + 1] = entry[1]
    reply[#reply + 1] = entry[4]
end
return reply
