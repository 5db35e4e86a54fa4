-- Counts dead letters by their reason, so many at a time.
--
-- KEYS  1 the dead letters
-- ARGV  1 the id to begin with, 2 how many to look at
-- Reply: the id of the last that was looked at, '' when there is no more; then reason and count,
--       flat.

local found = redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])
local counts = {}
for _, entry in ipairs(found) do
    local reason = ''
    for i = 1, #entry[2], 2 do
        if entry[2][i] == 'reason' then reason = entry[2][i + 1] end
    end
    counts[reason] = (counts[reason] or 0) + 1
end
local reply = {#found == tonumber(ARGV[2]) and found[#found][1] or ''}
for reason, count in pairs(counts) do
    reply[#reply + 1] = reason
    reply[#reply + 1] = count
end
return reply
