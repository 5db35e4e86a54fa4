-- Reads new entries of a queue that is read in order; stands behind position.lua.
--
-- Reading in a script, so that the lease is checked in the same step: a read of ours that was held
-- up on its way must take nothing after the lease has moved. Nor may one take anything after we have
-- read on without its answer, so the position is checked too.
--
-- KEYS  1 the queue's stream, 2 its lease
-- ARGV  1 the group, 2 the lease as we have it, 3 who reads, 4 how many, 5 the last id that we know
--       was read
-- Reply: LOST, GONE with the group, BEHIND, NONE, or OK and the entries.

if redis.call('GET', KEYS[2]) ~= ARGV[2] then return {'LOST'} end
local last = position(KEYS[1], ARGV[1])
if not last then return {'GONE'} end
if last ~= ARGV[5] then return {'BEHIND'} end
local read = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[3], 'COUNT', ARGV[4], 'STREAMS', KEYS[1], '>')
if not read then return {'NONE'} end
return {'OK', read[1][2]}
