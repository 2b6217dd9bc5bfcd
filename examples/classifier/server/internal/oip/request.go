package oip

import (
	"fmt"
	"net/http"
)

// Error is a request's own fault, or the server's present state, with the status that says so.
type Error struct {
	Status  int
	Message string
}

func (e *Error) Error() string { return e.Message }

func failure(status int, format string, args ...any) *Error {
	return &Error{Status: status, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *Error {
	return failure(http.StatusBadRequest, format, args...)
}

// read returns the rows and tokens of a request that fits the model, else an *Error.
func (s *Server) read(request *inferRequest, served *Served) (int64, []int32, error) {
	for _, output := range request.Outputs {
		if output.Name != served.Output.Name {
			return 0, nil, invalid("unknown output %q; the model gives %q", output.Name, served.Output.Name)
		}
	}
	input, err := soleInput(request.Inputs, served.Input.Name)
	if err != nil {
		return 0, nil, err
	}
	if err := s.checkSpec(input.TensorSpec, served.Input); err != nil {
		return 0, nil, err
	}
	if input.Data == nil {
		return 0, nil, invalid("input %q has no data", input.Name)
	}
	tokens, err := decodeInt32s(input.Data, input.Shape)
	if err != nil {
		return 0, nil, invalid("input %q: %s", input.Name, err)
	}
	return input.Shape[0], tokens, nil
}

func soleInput(inputs []requestInput, name string) (*requestInput, error) {
	var found *requestInput
	for i := range inputs {
		switch {
		case inputs[i].Name != name:
			return nil, invalid("unknown input %q; the model takes %q", inputs[i].Name, name)
		case found != nil:
			return nil, invalid("input %q is there twice", name)
		}
		found = &inputs[i]
	}
	if found == nil {
		return nil, invalid("input %q is missing", name)
	}
	return found, nil
}

func (s *Server) checkSpec(got, want TensorSpec) error {
	if got.Datatype != want.Datatype {
		return invalid("input %q has datatype %q, want %q", got.Name, got.Datatype, want.Datatype)
	}
	if len(got.Shape) != len(want.Shape) || got.Shape[1] != want.Shape[1] || got.Shape[0] < 1 {
		return invalid("input %q has shape %v, want %v", got.Name, got.Shape, want.Shape)
	}
	if got.Shape[0] > s.limits.Rows {
		return invalid("input %q has %d rows, at most %d are served", got.Name, got.Shape[0], s.limits.Rows)
	}
	return nil
}
