-- How far a group has read a stream; stands before the scripts that read in order.

-- The last id that was given out; nothing when there is no such group.
local function position(stream, name)
    local groups = redis.pcall('XINFO', 'GROUPS', stream)
    if groups.err then return nil end
    for _, group in ipairs(groups) do
        local fields = {}
        for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
        if fields.name == name then return fields['last-delivered-id'] end
    end
end
