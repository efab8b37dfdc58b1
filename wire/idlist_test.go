package wire

import (
	"fmt"
	"slices"
	"testing"
)

func ExampleParseIDs() {
	ids, err := ParseIDs("4-7,9")
	fmt.Println(ids, err)
	fmt.Println(FormatIDs(append(ids, 10, 3)))
	// Output:
	// [4 5 6 7 9] <nil>
	// 4-7,9-10,3
}

func TestParseIDsErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":              `engine ids "": "": want numbers and ranges of them, as in 4-7,9`,
		"1,,2":          `engine ids "1,,2": "": want numbers and ranges of them, as in 4-7,9`,
		"7-4":           `engine ids "7-4": "7-4": want numbers and ranges of them, as in 4-7,9`,
		"1-2-3":         `engine ids "1-2-3": "1-2-3": want numbers and ranges of them, as in 4-7,9`,
		"-1":            `engine ids "-1": "-1": want numbers and ranges of them, as in 4-7,9`,
		"0-4294967295":  `engine ids "0-4294967295": "0-4294967295": want numbers and ranges of them, as in 4-7,9`,
		"5,0-1048575":   `engine ids "5,0-1048575": these are more than 1048576`,
		"0-1048575,3-3": `engine ids "0-1048575,3-3": these are more than 1048576`,
	} {
		if _, err := ParseIDs(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func FuzzParseIDs(f *testing.F) {
	f.Add("4-7,9")
	f.Add("0")
	f.Add("1,2,3,1")
	f.Fuzz(func(t *testing.T, text string) {
		ids, err := ParseIDs(text)
		if err != nil {
			return
		}
		again, err := ParseIDs(FormatIDs(ids))
		if err != nil || !slices.Equal(again, ids) {
			t.Errorf("%q is %s, and then %v, %v", text, FormatIDs(ids), again, err)
		}
	})
}
