package engine

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/mat"

	"muster/numeric"
)

const (
	// maxItems is how many items of a slice are shown before the middle is left
	// out, as NumPy prints arrays.
	maxItems = 1000
	// edge is how many are shown at each end then.
	edge = 3
	// maxText bounds the text of one value, in bytes.
	maxText = 64 << 10
)

// text shows a value, the result of a cell, as its user expects it: matrices as
// gonum formats them, strings quoted, other values as Go prints them with
// field names. Long values are shortened.
func text(v any) string {
	var s string
	switch x := v.(type) {
	case *numeric.Array:
		s = x.String()
	case mat.Matrix:
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return "<nil>"
		}
		options := []mat.FormatOption{mat.Squeeze()}
		if rows, cols := x.Dims(); rows*cols > maxItems {
			options = append(options, mat.Excerpt(edge))
		}
		s = fmt.Sprint(mat.Formatted(x, options...))
	case string:
		s = strconv.Quote(x)
	case error, fmt.Stringer:
		s = fmt.Sprint(x)
	default:
		r := reflect.ValueOf(v)
		if r.Kind() == reflect.Slice && r.Len() > maxItems {
			var b strings.Builder
			b.WriteByte('[')
			for i := range edge {
				fmt.Fprintf(&b, "%+v ", r.Index(i))
			}
			b.WriteString("...")
			for i := r.Len() - edge; i < r.Len(); i++ {
				fmt.Fprintf(&b, " %+v", r.Index(i))
			}
			s = b.String() + "]"
		} else {
			s = fmt.Sprintf("%+v", v)
		}
	}
	if len(s) > maxText {
		s = s[:maxText-cutRune([]byte(s[:maxText]))] + "..."
	}
	return s
}
