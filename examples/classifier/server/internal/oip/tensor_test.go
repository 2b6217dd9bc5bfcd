package oip

import (
	"slices"
	"strings"
	"testing"
)

func TestDataMayBeFlatOrNested(t *testing.T) {
	want := []int32{1, -2, 2147483647, -2147483648, 0, 6}
	for _, text := range []string{
		"[1,-2,2147483647,-2147483648,-0,6]",
		"[[1,-2,2147483647],[-2147483648,-0,6]]",
		" [ [ 1 , -2,\t2147483647 ] ,\r\n [-2147483648,-0 , 6 ] ] ",
	} {
		got, err := decodeInt32s([]byte(text), []int64{2, 3})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
}

func TestDataThatDoesNotFitIsRefusedWithWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		`null`:                     "no array",
		`"MTIz"`:                   "no array",
		`{"0": 1}`:                 "no array",
		`[]`:                       "array of 0 where shape says 4",
		`[1,2,3]`:                  "array of 3 where shape says 4",
		`[1,2,3,4,5]`:              "longer than the 4",
		`[[1,2],[3]]`:              "array of 1 where shape says 2",
		`[[1,2],[3,4,5]]`:          "longer than the 2",
		`[[1,2]]`:                  "array of 1 where shape says 2",
		`[[1,2],[3,4],[5,6]]`:      "longer than the 2",
		`[[1,2],3,4]`:              "3 where an array of 2 is due, after 2 values",
		`[1,[2,3],4]`:              "data[1] is [2, not an INT32",
		`[[[1]],[2,3]]`:            "data[0] is [1, not an INT32",
		`[1,null,3,4]`:             "data[1] is null, not an INT32",
		`[1,2.0,3,4]`:              "data[1] is 2.0, not an INT32",
		`[1,2,3e0,4]`:              "data[2] is 3e0, not an INT32",
		`[1,2,3,"4"]`:              `data[3] is "4", not an INT32`,
		`[1,2,true,4]`:             "data[2] is true, not an INT32",
		`[2147483648,2,3,4]`:       "data[0] is 2147483648, not an INT32",
		`[1,-2147483649,3,4]`:      "data[1] is -2147483649, not an INT32",
		`[18446744073709551616,2]`: "data[0] is 18446744073709551616",
	} {
		_, err := decodeInt32s([]byte(text), []int64{2, 2})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
}
