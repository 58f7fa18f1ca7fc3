/*
 * Operations of the families fq and swiotlb: lines of CSV whose columns are named in the first (test/golden/README.md).
 */
#ifndef BENCH_MAPS_H
#define BENCH_MAPS_H

#include "rounds.h"

enum { NOTHING, MAP, UNMAP };
#define MOST_COLUMNS 16

static u64 *cells[MOST_COLUMNS];
static char *names[MOST_COLUMNS];
static int columns;
static unsigned long operations, ids;

static u64 cell_value(const char *text)
{
	if (strcmp(text, "map") == 0)
		return MAP;
	return strcmp(text, "unmap") == 0 ? UNMAP : strtoull(text, NULL, 0);
}

/* The column of a name; the program ends where there is none. */
static u64 *column(const char *name)
{
	for (int i = 0; i < columns; i++)
		if (strcmp(names[i], name) == 0)
			return cells[i];
	fprintf(stderr, "no column %s\n", name);
	exit(2);
}

/* Fills `cells` from standard input; an empty one is 0. */
static void read_operations(void)
{
	size_t length;
	char *rest = read_stream(&length), *line, *name;

	for (char *head = strsep(&rest, "\n"); (name = strsep(&head, ",")) && columns < MOST_COLUMNS;) {
		cells[columns] = calloc(length / 2, sizeof(u64));
		names[columns++] = name;
	}
	for (; (line = strsep(&rest, "\n")) && *line; operations++)
		for (int i = 0; i < columns && line; i++)
			cells[i][operations] = cell_value(strsep(&line, ","));
	for (unsigned long i = 0; i < operations; i++)
		ids = max(ids, column("id")[i] + 1);
}

#endif
