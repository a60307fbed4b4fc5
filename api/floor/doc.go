// Package floor measures the least that moving packets can cost on this machine: benchmarks
// without a line of the product, which its own are held against. There is nothing to import.
package floor
