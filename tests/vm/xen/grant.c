/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One page shared by two Xen domains through the kernel's own device nodes, to see that grants work
 * and that each side learns of the other's death.
 *
 *	xen_grant share DOMID		grant a page to DOMID, print "gref N"
 *	xen_grant map DOMID GREF	map a page that DOMID grants, print "mapped"
 *
 * The page starts with two bytes that say "alive": byte 0 for the sharer, byte 1 for the mapper.
 * The kernel clears each when its program is gone, however it went. Commands are lines of input:
 *
 *	write TEXT	put text into the page
 *	read		print "text TEXT"
 *	watch BYTE	print "cleared BYTE" once that byte is 0
 */

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint16_t domid_t; /* the kernel's headers expect these two of us */
typedef uint32_t grant_ref_t;
#include <xen/gntalloc.h>
#include <xen/gntdev.h>

#define PAGE 4096
#define ALIVE 0xA5
#define TEXT 64 /* offset of the text */
#define WRITABLE 1

/* Both end in an array that has one element or none, depending on the header's age. */
union alloc {
	struct ioctl_gntalloc_alloc_gref request;
	char room[64];
};
union map {
	struct ioctl_gntdev_map_grant_ref request;
	char room[64];
};

static volatile char *
map_page(int fd, uint64_t index)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, index);

	if (page == MAP_FAILED)
		err(1, "mmap");
	return page;
}

/* Both devices have this call, with the same number and layout. */
static void
clear_at_end(int fd, uint64_t index)
{
	struct ioctl_gntdev_unmap_notify notify = {.index = index,
						   .action = UNMAP_NOTIFY_CLEAR_BYTE};

	if (ioctl(fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify) < 0)
		err(1, "SET_UNMAP_NOTIFY");
}

static volatile char *
share(unsigned int domid)
{
	union alloc alloc = {.request = {.domid = domid, .flags = WRITABLE, .count = 1}};
	int fd = open("/dev/xen/gntalloc", O_RDWR);
	volatile char *page;

	if (fd < 0 || ioctl(fd, IOCTL_GNTALLOC_ALLOC_GREF, &alloc.request) < 0)
		err(1, "/dev/xen/gntalloc");
	page = map_page(fd, alloc.request.index);
	clear_at_end(fd, alloc.request.index);
	page[0] = ALIVE;
	printf("gref %u\n", alloc.request.gref_ids[0]);
	return page;
}

static volatile char *
map(unsigned int domid, unsigned int gref)
{
	union map ref = {.request = {.count = 1}};
	int fd = open("/dev/xen/gntdev", O_RDWR);
	volatile char *page;

	ref.request.refs[0].domid = domid;
	ref.request.refs[0].ref = gref;
	if (fd < 0 || ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, &ref.request) < 0)
		err(1, "/dev/xen/gntdev");
	page = map_page(fd, ref.request.index);
	clear_at_end(fd, ref.request.index + 1);
	page[1] = ALIVE;
	printf("mapped\n");
	return page;
}

static void
obey(volatile char *page, const char *line)
{
	unsigned int byte;

	if (strncmp(line, "write ", 6) == 0) {
		snprintf((char *)page + TEXT, PAGE - TEXT, "%s", line + 6);
		printf("written\n");
	} else if (strcmp(line, "read") == 0) {
		printf("text %.*s\n", PAGE - TEXT, (char *)page + TEXT);
	} else if (sscanf(line, "watch %u", &byte) == 1 && byte < PAGE) {
		while (page[byte] != 0)
			usleep(1000);
		printf("cleared %u\n", byte);
	}
}

int
main(int argc, char **argv)
{
	volatile char *page;
	char line[256];

	setlinebuf(stdout);
	if (argc == 3 && strcmp(argv[1], "share") == 0)
		page = share(atoi(argv[2]));
	else if (argc == 4 && strcmp(argv[1], "map") == 0)
		page = map(atoi(argv[2]), strtoul(argv[3], NULL, 10));
	else
		errx(2, "usage: xen_grant share DOMID | map DOMID GREF");
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		obey(page, line);
	}
	return 0;
}
