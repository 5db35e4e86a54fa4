-- Applies one unit of work that belongs to no delivery, if what it read still holds.
--
-- KEYS  every key that is read or written
-- ARGV  1 a time offset in ms (tests), 2.. a unit of work (see units.lua)
-- Reply: 1 done, C what it read has changed, E:why refused with nothing done, T:why torn; or an error
--       of the server, with nothing done.
--
-- What a server refuses for its own state, as OOM, it refuses to the first write of a script only; so
-- nothing was written then, and nothing more may be: a removal would be allowed, and all that follows.

local _, verdict, writes = examine(2)
if verdict then return verdict end
local failed = write(writes, tonumber(ARGV[1]), function(why)
    local code = string.match(why, '^%-?(%u+)')
    return code == 'OOM' or code == 'MISCONF' or code == 'NOREPLICAS' or code == 'READONLY'
end)
if type(failed) == 'table' then return failed end
return failed and 'T:' .. failed or '1'
