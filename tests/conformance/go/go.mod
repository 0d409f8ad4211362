module hekto/conformance

go 1.21

require github.com/replicate/replicate-go v0.26.0

require (
	github.com/vincent-petithory/dataurl v1.0.0 // indirect
	golang.org/x/sync v0.6.0 // indirect
)
