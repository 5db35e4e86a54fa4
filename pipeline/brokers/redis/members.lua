-- What lies in the sorted set of delayed messages; stands before the scripts that read it.
--
-- A member is 32 bytes that make it unique, then fields and values, each with its length (4 bytes,
-- big-endian) before it.

-- The fields and values of a member, flat; nothing when it can't be read.
local function fields(member)
    local parts, at = {}, 33
    while at <= #member do
        if at + 4 > #member + 1 or #parts > 4000 then return nil end
        local size = struct.unpack('>I4', member, at)
        if at + 4 + size > #member + 1 then return nil end
        parts[#parts + 1] = string.sub(member, at + 4, at + 3 + size)
        at = at + 4 + size
    end
    if #parts == 0 or #parts % 2 == 1 then return nil end
    return parts
end
