package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

// breakWire does instead of answering what the faults ask for, and reports whether it did anything.
// body is what the answer would have been.
func breakWire(o options, w http.ResponseWriter, r *http.Request, body []byte) bool {
	switch {
	case o.faults["exit"]:
		fmt.Println("fatal: tensor arena exhausted")
		os.Exit(3)
	case o.faults["hang"]:
		<-r.Context().Done()
	case o.faults["reset"]:
		reset(w)
	case o.faults["truncated"]:
		truncate(w, body)
	case o.faults["garbage"]:
		writeJSON(w, http.StatusOK, []byte(`{"outputs": [<<< not JSON`))
	case o.faults["error-500"]:
		writeError(w, http.StatusInternalServerError, fmt.Errorf("out of workers"))
	default:
		return false
	}
	return true
}

// reset drops the connection so that the client sees RST rather than an orderly end.
func reset(w http.ResponseWriter) {
	connection := hijack(w)
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// truncate promises the whole body, sends half of it, and closes.
func truncate(w http.ResponseWriter, body []byte) {
	connection := hijack(w)
	fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		len(body), body[:len(body)/2])
	_ = connection.Close()
}

func hijack(w http.ResponseWriter) net.Conn {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil { // cannot be: the server speaks HTTP/1.1 only
		panic(err)
	}
	return connection
}
