-- Reads dead letters from an id on, until there are enough of them or of their bytes.
--
-- KEYS  1 the dead letters
-- ARGV  1 the id to begin with, 2 how many at the most, 3 how many bytes are enough
-- Reply: as of XRANGE.

local count, enough = tonumber(ARGV[2]), tonumber(ARGV[3])
local reply, bytes, start = {}, 0, ARGV[1]
while #reply < count and bytes < enough do
    local entry = redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', 1)[1]
    if not entry then break end
    reply[#reply + 1] = entry
    for i = 2, #entry[2], 2 do bytes = bytes + #entry[2][i] end
    start = '(' .. entry[1]
end
return reply
