// Command noop is an HTTP server that does nothing: it reads the request and answers the same small
// JSON on every path. What a client measures here is the client, the kernel and net/http.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
)

var answer = []byte(`{"outputs":[{"name":"label","datatype":"INT64","shape":[1],"data":[0]}]}`)

func main() {
	address := flag.String("http", "127.0.0.1:0", "address to listen on; port 0 takes a free one")
	flag.Parse()
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr()) // the benchmark reads the port from here
	log.Fatal(http.Serve(listener, http.HandlerFunc(noop)))
}

func noop(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer) // a client that left needs no answer
}
