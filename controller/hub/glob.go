package hub

import (
	"errors"
	"slices"
	"unicode/utf8"
)

// glob holds for strings that match a pattern: * is any text, ? any character,
// [a-z] one of a set, [!a-z] or [^a-z] one that is not in it. A bracket that is
// not closed is itself.
func glob(arg any) (func(any) bool, error) {
	pattern, ok := arg.(string)
	if !ok {
		return nil, errors.New("want a pattern such as \"heat*\"")
	}
	parts := parseGlob(pattern)
	return func(v any) bool {
		s, ok := v.(string)
		return ok && matchGlob(parts, s)
	}, nil
}

// A globPart matches one character, or with any set as many as there are.
type globPart struct {
	any  bool
	char func(rune) bool
}

func parseGlob(pattern string) (parts []globPart) {
	runes := []rune(pattern)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; c {
		case '*':
			if n := len(parts); n == 0 || !parts[n-1].any {
				parts = append(parts, globPart{any: true})
			}
			continue
		case '?':
			parts = append(parts, globPart{char: func(rune) bool { return true }})
			continue
		case '[':
			if n, set := parseSet(runes[i+1:]); n > 0 {
				parts = append(parts, globPart{char: set})
				i += n
				continue
			}
		}
		parts = append(parts, globPart{char: func(r rune) bool { return r == runes[i] }})
	}
	return parts
}

// parseSet reads what follows a bracket, to the one that closes it: a "]" that
// comes first is of the set. It returns how many characters that are, 0 when
// the bracket is not closed.
func parseSet(runes []rune) (n int, set func(rune) bool) {
	not := len(runes) > 0 && (runes[0] == '!' || runes[0] == '^')
	from := 0
	if not {
		from = 1
	}
	if from >= len(runes) {
		return 0, nil
	}
	end := slices.Index(runes[from+1:], ']')
	if end < 0 {
		return 0, nil
	}
	end += from + 1
	chars := runes[from:end]
	return end + 1, func(r rune) bool {
		for i := 0; i < len(chars); i++ {
			lo, hi := chars[i], chars[i]
			if i+2 < len(chars) && chars[i+1] == '-' {
				hi = chars[i+2]
				i += 2
			}
			if lo <= r && r <= hi {
				return !not
			}
		}
		return not
	}
}

// matchGlob goes back to the latest * alone, which is enough: what an earlier
// one may match in addition, the latest may as well.
func matchGlob(parts []globPart, s string) bool {
	at, star, rest := 0, -1, ""
	for s != "" || at < len(parts) {
		switch {
		case at < len(parts) && parts[at].any:
			star, rest = at, s
			at++
			continue
		case at < len(parts) && s != "":
			if r, n := utf8.DecodeRuneInString(s); parts[at].char(r) {
				at++
				s = s[n:]
				continue
			}
		}
		if star < 0 || rest == "" {
			return false
		}
		_, n := utf8.DecodeRuneInString(rest)
		rest = rest[n:]
		at, s = star+1, rest
	}
	return true
}
