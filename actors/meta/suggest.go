package meta

// Nearest is the name that needs the fewest changes of letters to become key, the first in order of those; "" if none is near.
func Nearest(key string, names []string) string {
	best, at := max(2, len(key)/3)+1, ""
	for _, n := range names {
		if d := editDistance(key, n, best); d < best {
			best, at = d, n
		}
	}
	return at
}

// editDistance is how many insertions, deletions, replacements or swaps of neighbours turn a into b; limit if it is that or more.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, last, row = last, row, before
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			d := last[j-1]
			if a[i-1] != b[j-1] {
				d++
			}
			row[j] = min(d, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least >= limit {
			return limit
		}
	}
	return min(row[len(b)], limit)
}
