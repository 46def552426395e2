/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A PCI device of this machine, by sysfs: bound to uio_pci_generic, to anything else, or to
 * nothing. [IVS 1] With vfio-pci, peer_vfio.c does it. The device tells of nobody else; that it is
 * unplugged is told by the kernel (a uevent), and by nothing in the memory, which then reads as all
 * ones.
 */
#include "peer.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

#define DEVICES "/sys/bus/pci/devices"
#define BAR_MSIX 1u

struct bar {
	uint64_t start;
	uint64_t size; /* 0: it is not there */
};

/* ---- sysfs ---- */

static void
path_of(const struct pvn_ivshmem_peer *p, const char *file, char *path, size_t size)
{
	snprintf(path, size, DEVICES "/%s/%s", p->pci.address, file);
}

/* The first `size` - 1 bytes, or nothing. */
static void
read_file(const struct pvn_ivshmem_peer *p, const char *file, char *text, size_t size)
{
	char path[96];
	ssize_t n = -1;
	int fd;

	path_of(p, file, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, size - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
}

static unsigned long
read_number(const struct pvn_ivshmem_peer *p, const char *file)
{
	char text[32];

	read_file(p, file, text, sizeof(text));
	return strtoul(text, NULL, 0);
}

/* Lines of "start end flags", one for each BAR. */
static struct bar
find_bar(const struct pvn_ivshmem_peer *p, unsigned int number)
{
	char text[1024], *line = text;
	uint64_t start, end;

	read_file(p, "resource", text, sizeof(text));
	for (; number > 0 && line != NULL; number--) {
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	if (line == NULL || sscanf(line, "%" SCNx64 " %" SCNx64, &start, &end) != 2 || end <= start)
		return (struct bar){0};
	return (struct bar){.start = start, .size = end - start + 1};
}

/* "0000:00:04.0", also without the domain. */
static int
take_address(struct pvn_ivshmem_peer *p, const char *text)
{
	unsigned int domain = 0, bus, device, function;
	int used = 0;

	if ((sscanf(text, "%4x:%2x:%2x.%1x%n", &domain, &bus, &device, &function, &used) != 4 ||
	     text[used] != '\0') &&
	    ((domain = 0, sscanf(text, "%2x:%2x.%1x%n", &bus, &device, &function, &used)) != 3 ||
	     text[used] != '\0'))
		return ivs_fail(EINVAL, "'pci:%s': expected an address as 0000:00:04.0", text);
	snprintf(p->pci.address, sizeof(p->pci.address), "%04x:%02x:%02x.%x", domain & 0xffff,
		 bus & 0xff, device & 0x1f, function & 7);
	return 0;
}

static int
check_identity(const struct pvn_ivshmem_peer *p)
{
	unsigned long vendor = read_number(p, "vendor"), device = read_number(p, "device");

	if (vendor == 0 && device == 0)
		return ivs_fail(ENOENT, "this machine has no PCI device %s", p->pci.address);
	if (vendor == IVSHMEM_PCI_VENDOR && device == IVSHMEM_PCI_DEVICE)
		return 0;
	return ivs_fail(EPROTO, "PCI device %s is %04lx:%04lx: an IVSHMEM device is %04x:%04x",
			p->pci.address, vendor, device, IVSHMEM_PCI_VENDOR, IVSHMEM_PCI_DEVICE);
}

static void
find_driver(const struct pvn_ivshmem_peer *p, char *name, size_t size)
{
	char path[96], target[256];
	ssize_t len;

	path_of(p, "driver", path, sizeof(path));
	len = readlink(path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	snprintf(name, size, "%s", len > 0 ? basename(target) : "");
}

/* A device that no driver has, and that was plugged while the machine ran, does not answer yet. */
static int
enable(const struct pvn_ivshmem_peer *p, const char *driver)
{
	char path[96];
	int fd;

	if (driver[0] != '\0' || read_number(p, "enable") > 0)
		return 0;
	path_of(p, "enable", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "1", 1) == 1) {
		close(fd);
		return 0;
	}
	if (fd >= 0)
		close(fd);
	return ivs_fail(errno, "%s: %s: it takes root", path, strerror(errno));
}

/* ---- the BARs ---- */

static int
open_resource(const struct pvn_ivshmem_peer *p, const char *file)
{
	char path[96];
	int fd;

	path_of(p, file, path, sizeof(path));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return ivs_fail(errno, "%s: %s%s", path, strerror(errno),
			errno == EPERM || errno == EACCES
				? ": it takes root, and a kernel that is not locked down; or use "
				  "vfio-pci"
				: "");
}

static int
open_memory(struct pvn_ivshmem_peer *p)
{
	struct bar bar = find_bar(p, IVSHMEM_BAR_MEMORY);

	if (bar.size == 0)
		return ivs_fail(ENXIO,
				"PCI device %s: its memory (BAR2) got no address: give the port "
				"that it is plugged into pref64-reserve= of twice the region's "
				"size",
				p->pci.address);
	p->size = bar.size;
	p->map_fd = open_resource(p, "resource2");
	return p->map_fd < 0 ? p->map_fd : 0;
}

/* Only a device with a table of vectors can be rung, and ring. It may lie anywhere in a page. */
static int
map_registers(struct pvn_ivshmem_peer *p)
{
	struct bar bar = find_bar(p, IVSHMEM_BAR_REGS);
	uint64_t page = sysconf(_SC_PAGESIZE), in_page = bar.start % page;
	void *map;
	int fd;

	if (bar.size < IVSHMEM_REG_DOORBELL + 4 || find_bar(p, BAR_MSIX).size == 0)
		return 0;
	fd = open_resource(p, "resource0");
	if (fd < 0)
		return fd;
	map = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (map == MAP_FAILED)
		return ivs_fail(errno, "PCI device %s: its registers cannot be mapped: %s",
				p->pci.address, strerror(errno));
	p->pci.regs_map = map;
	p->pci.regs = (volatile uint32_t *)((char *)map + in_page);
	p->number = pvn_le32_to_cpu(p->pci.regs[IVSHMEM_REG_POSITION / 4]);
	return 0;
}

static int
pci_ring(struct pvn_ivshmem_peer *p, uint32_t number, uint32_t vector)
{
	if (p->pci.regs == NULL)
		return -ENOTSUP;
	if (number > IVSHMEM_PEER_MAX || vector >= IVSHMEM_VECTORS_MAX)
		return -ENOENT;
	/* What was written to the memory comes first. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	p->pci.regs[IVSHMEM_REG_DOORBELL / 4] = pvn_cpu_to_le32(number << 16 | vector);
	return 0;
}

/* ---- unplugging ---- */

/* A device at the same address may be another one already; its folder is another one then, too. */
static uint64_t
folder_inode(const struct pvn_ivshmem_peer *p)
{
	char path[96];
	struct stat st;

	path_of(p, "", path, sizeof(path));
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

/* Without it, nobody is told of an unplugged device; all else works. */
static void
listen_for_removal(struct pvn_ivshmem_peer *p)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = 1};
	int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
		p->event_fd = fd;
	else if (fd >= 0)
		close(fd);
	p->pci.inode = folder_inode(p);
}

static int
pci_look(struct pvn_ivshmem_peer *p)
{
	char message[64];

	/* What they say does not matter; errors mean that some were lost. */
	for (int i = 0; i < 256 && p->event_fd >= 0; i++)
		if (recv(p->event_fd, message, sizeof(message), MSG_DONTWAIT) < 0 &&
		    (errno == EAGAIN || errno == EBADF))
			break;
	if (p->pci.inode != 0 && folder_inode(p) == p->pci.inode)
		return 0;
	return ivs_fail(ENODEV, "PCI device %s was unplugged", p->pci.address);
}

static void
pci_close(struct pvn_ivshmem_peer *p)
{
	if (p->pci.regs_map != NULL)
		munmap(p->pci.regs_map, sysconf(_SC_PAGESIZE));
	if (p->event_fd >= 0)
		close(p->event_fd);
}

static const struct peer_ops pci_ops = {
	.close = pci_close,
	.ring = pci_ring,
	.look = pci_look,
};

static int
open_sysfs(struct pvn_ivshmem_peer *p, const char *driver)
{
	int ret = enable(p, driver);

	p->ops = &pci_ops;
	listen_for_removal(p);
	if (ret == 0)
		ret = open_memory(p);
	if (ret == 0)
		ret = map_registers(p);
	return ret;
}

int
peer_open_pci(struct pvn_ivshmem_peer *p, const char *address)
{
	char driver[64];
	int ret = take_address(p, address);

	if (ret == 0)
		ret = check_identity(p);
	if (ret < 0)
		return ret;
	find_driver(p, driver, sizeof(driver));
	return strcmp(driver, "vfio-pci") == 0 ? peer_open_vfio(p) : open_sysfs(p, driver);
}
