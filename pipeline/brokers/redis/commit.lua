-- Applies one unit of work that belongs to no delivery, if what it read still holds.
--
-- KEYS  every key that is read or written
-- ARGV  1 a time offset in ms (tests), 2.. a unit of work (see units.lua)
-- Reply: 1 done, C what it read has changed, E:why refused with nothing done, T:why torn.

local _, verdict, writes = examine(2)
if verdict then return verdict end
local failed = write(writes, tonumber(ARGV[1]))
return failed and 'T:' .. failed or '1'
