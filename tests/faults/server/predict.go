package main

import (
	"encoding/json"
	"fmt"
)

// A plain JSON endpoint as many teams write it: {"x":[1,2,3,4]} is answered with
// {"result":{"scores":[…],"label":"…"}}.

func parsePredict(body []byte) (query, error) {
	var request struct {
		X []float32 `json:"x"`
	}
	if err := json.Unmarshal(body, &request); err != nil {
		return query{}, fmt.Errorf("the request is not JSON: %w", err)
	}
	if len(request.X) != width {
		return query{}, fmt.Errorf("x: expected %d numbers, got %d", width, len(request.X))
	}
	return query{x: request.X}, nil
}

func renderPredict(_ query, a answer) []byte {
	b := append(make([]byte, 0, 128), `{"result":{`...)
	for i, o := range a {
		if i > 0 {
			b = append(b, ',')
		}
		switch o.name {
		case "y":
			b = o.appendData(append(b, `"scores":`...))
		case "label":
			b = appendString(append(b, `"label":`...), o.strings[0])
		default:
			b = o.appendData(append(b, `"`+o.name+`":`...))
		}
	}
	return append(b, "}}"...)
}
