package wire

import (
	"fmt"
	"strconv"
	"strings"
)

// maxIDs bounds a list of ids: more engines than a cluster has.
const maxIDs = 1 << 20

// FormatIDs writes engine ids as people do, in their order: "4-7,9".
func FormatIDs(ids []EngineID) string {
	var b strings.Builder
	for i := 0; i < len(ids); {
		last := i
		for last+1 < len(ids) && ids[last+1] == ids[last]+1 {
			last++
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprint(&b, ids[i])
		if last > i {
			fmt.Fprintf(&b, "-%d", ids[last])
		}
		i = last + 1
	}
	return b.String()
}

// ParseIDs reads what FormatIDs writes.
func ParseIDs(text string) (ids []EngineID, err error) {
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		first, err := strconv.ParseUint(from, 10, 31)
		last, errLast := strconv.ParseUint(to, 10, 31)
		switch {
		case err != nil || errLast != nil || first > last:
			return nil, fmt.Errorf("engine ids %q: %q: want numbers and ranges of them, as in 4-7,9", text, part)
		case last-first >= maxIDs-uint64(len(ids)):
			return nil, fmt.Errorf("engine ids %q: these are more than %d", text, maxIDs)
		}
		for id := first; id <= last; id++ {
			ids = append(ids, EngineID(id))
		}
	}
	return ids, nil
}
