package wire

import (
	"encoding/json"
	"time"
)

// ProtocolVersion is the Jupyter message protocol in every header we send. A
// header without it would be taken for the old protocol by Python peers.
const ProtocolVersion = "5.3"

// A Message is one signed message taken apart.
type Message struct {
	// Route holds the identity frames before the delimiter, outermost first.
	Route [][]byte
	// Header is the parsed header, and RawHeader its exact bytes: a reply
	// carries the request's RawHeader as its RawParent.
	Header    Header
	RawHeader json.RawMessage
	// Parent is the header of the message this one answers; its zero value
	// when there is none.
	Parent    Header
	RawParent json.RawMessage
	// Metadata and Content are JSON objects, left for the receiver to parse.
	Metadata json.RawMessage
	Content  json.RawMessage
	// Buffers are the raw frames after the content. They alias the frames the
	// message was decoded from.
	Buffers [][]byte
}

// Time is a moment in a header or in metadata. In JSON it is ISO 8601 in UTC
// with microseconds, as Python's jupyter_client writes it; offsets and Python's
// zoneless form are read as well. The zero Time is null.
type Time struct{ time.Time }

// Now returns the present moment.
func Now() Time { return Time{time.Now().UTC()} }

const timeLayout = "2006-01-02T15:04:05.000000Z"

// MarshalJSON writes the moment in quotes, or null for the zero Time.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.IsZero() {
		return []byte("null"), nil
	}
	return t.append(make([]byte, 0, len(timeLayout)+2)), nil
}

func (t Time) append(b []byte) []byte {
	b = append(b, '"')
	u := t.UTC()
	year, month, day := u.Date()
	if year < 0 || year > 9999 {
		b = u.AppendFormat(b, timeLayout)
		return append(b, '"')
	}
	hour, minute, second := u.Clock()
	// The library, which has to read the layout first, takes three times as long.
	for _, part := range [...]struct {
		n, digits int
		end       byte
	}{{year, 4, '-'}, {int(month), 2, '-'}, {day, 2, 'T'}, {hour, 2, ':'}, {minute, 2, ':'}, {second, 2, '.'}, {u.Nanosecond() / 1000, 6, 'Z'}} {
		b = append(b, "000000"[:part.digits]...)
		for i := len(b) - 1; part.n > 0; i-- {
			b[i] += byte(part.n % 10)
			part.n /= 10
		}
		b = append(b, part.end)
	}
	return append(b, '"')
}

// UnmarshalJSON reads what MarshalJSON writes, RFC 3339, and the zoneless ISO
// form. Anything else is left as the zero Time: a date that cannot be read is
// no reason to refuse a message that is otherwise sound.
func (t *Time) UnmarshalJSON(b []byte) error {
	t.Time = time.Time{}
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return nil
	}
	t.parse(b[1 : len(b)-1])
	return nil
}

func (t *Time) parse(s []byte) {
	if t.scan(s) {
		return
	}
	t.Time = time.Time{}
	for _, layout := range [...]string{timeLayout, time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if v, err := time.Parse(layout, string(s)); err == nil {
			t.Time = v.UTC()
			return
		}
	}
}

// scan reads timeLayout, which nearly all messages carry twice, in a tenth of the
// library's time, and tells whether s was that and a date of the calendar.
func (t *Time) scan(s []byte) bool {
	if len(s) != len(timeLayout) {
		return false
	}
	for i := range len(s) {
		if digit := '0' <= s[i] && s[i] <= '9'; digit != ('0' <= timeLayout[i] && timeLayout[i] <= '9') || !digit && s[i] != timeLayout[i] {
			return false
		}
	}
	number := func(from, to int) (n int) {
		for _, c := range s[from:to] {
			n = 10*n + int(c-'0')
		}
		return n
	}
	month, day := time.Month(number(5, 7)), number(8, 10)
	hour, minute, second := number(11, 13), number(14, 16), number(17, 19)
	v := time.Date(number(0, 4), month, day, hour, minute, second, 1000*number(20, 26), time.UTC)
	// Date carries what is too much over to the next field.
	if _, m, d := v.Date(); m != month || d != day || hour > 23 || minute > 59 || second > 59 {
		return false
	}
	t.Time = v
	return true
}
