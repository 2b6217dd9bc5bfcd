package oip

import (
	"fmt"
	"math"
)

// decodeInt32s reads the data of an INT32 tensor: a JSON array, flat or nested as shape says, in
// row-major order. The text must be valid JSON, as json.RawMessage guarantees. A number that an int32
// cannot hold is refused: encoding/json would take null for 0.
func decodeInt32s(text []byte, shape []int64) ([]int32, error) {
	count := int64(1)
	for _, size := range shape {
		count *= size
	}
	d := tensorDecoder{text: text, values: make([]int32, 0, count)}
	if d.peek() != '[' {
		return nil, fmt.Errorf("data is no array")
	}
	sizes := shape
	if !d.isNested() {
		sizes = []int64{count}
	}
	if err := d.array(sizes); err != nil {
		return nil, err
	}
	return d.values, nil
}

type tensorDecoder struct {
	text   []byte
	pos    int
	values []int32
}

// peek skips white space and returns the next byte, 0 at the end.
func (d *tensorDecoder) peek() byte {
	for ; d.pos < len(d.text); d.pos++ {
		switch d.text[d.pos] {
		case ' ', '\t', '\r', '\n':
		default:
			return d.text[d.pos]
		}
	}
	return 0
}

// isNested tells whether the array at pos holds arrays.
func (d *tensorDecoder) isNested() bool {
	inside := *d
	inside.pos++
	return inside.peek() == '['
}

func (d *tensorDecoder) array(sizes []int64) error {
	if d.peek() != '[' {
		return fmt.Errorf("data has %s where an array of %d is due, after %d values", d.token(), sizes[0], len(d.values))
	}
	d.pos++
	for n := int64(0); ; n++ {
		switch d.peek() {
		case ']':
			d.pos++
			if n != sizes[0] {
				return fmt.Errorf("data has an array of %d where shape says %d", n, sizes[0])
			}
			return nil
		case ',':
			d.pos++
		}
		if n == sizes[0] {
			return fmt.Errorf("data has an array longer than the %d of shape", sizes[0])
		}
		var err error
		if len(sizes) > 1 {
			err = d.array(sizes[1:])
		} else {
			err = d.number()
		}
		if err != nil {
			return err
		}
	}
}

func (d *tensorDecoder) number() error {
	d.peek()
	start := d.pos
	negative := d.text[d.pos] == '-'
	if negative {
		d.pos++
	}
	digits := d.pos
	magnitude := int64(0)
	for ; d.pos < len(d.text) && '0' <= d.text[d.pos] && d.text[d.pos] <= '9'; d.pos++ {
		magnitude = min(magnitude*10+int64(d.text[d.pos]-'0'), math.MaxUint32)
	}
	value := magnitude
	if negative {
		value = -magnitude
	}
	if d.pos == digits || !d.atValueEnd() || value < math.MinInt32 || value > math.MaxInt32 {
		d.pos = start
		return fmt.Errorf("data[%d] is %s, not an INT32", len(d.values), d.token())
	}
	d.values = append(d.values, int32(value))
	return nil
}

func (d *tensorDecoder) atValueEnd() bool {
	switch d.peek() {
	case ',', ']':
		return true
	}
	return false
}

// token returns the start of what stands at pos, for messages.
func (d *tensorDecoder) token() string {
	end := d.pos
	for end < len(d.text) && end-d.pos < 20 && d.text[end] != ',' && d.text[end] != ']' {
		end++
	}
	return string(d.text[d.pos:end])
}
