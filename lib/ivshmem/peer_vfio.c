/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 *
 * A PCI device that vfio-pci has: the only way to interrupts, one eventfd for each vector. The
 * kernel asks us to let go of it when it is to be unplugged, and the unplugging waits for that.
 */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fail.h"

static int
failed(const struct pvn_ivshmem_peer *p, const char *what)
{
	return ivs_fail(errno, "PCI device %s: vfio: %s: %s", p->pci.address, what,
			strerror(errno));
}

/* ---- container, group, device ---- */

static int
open_group(struct pvn_ivshmem_peer *p)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	char path[96], target[256];
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", p->pci.address);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return failed(p, "it is in no IOMMU group");
	target[len] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%s", basename(target));
	p->pci.group_fd = open(path, O_RDWR | O_CLOEXEC);
	if (p->pci.group_fd < 0 && errno == ENOENT) {
		snprintf(path, sizeof(path), "/dev/vfio/noiommu-%s", basename(target));
		p->pci.no_iommu = true;
		p->pci.group_fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (p->pci.group_fd < 0)
		return failed(p, path);
	if (ioctl(p->pci.group_fd, VFIO_GROUP_GET_STATUS, &status) < 0)
		return failed(p, "the group's status");
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) != 0)
		return 0;
	return ivs_fail(EBUSY,
			"PCI device %s: vfio: its IOMMU group %s has devices that other drivers "
			"use: bind them to vfio-pci, too",
			p->pci.address, basename(target));
}

static int
open_device(struct pvn_ivshmem_peer *p)
{
	struct peer_pci *pci = &p->pci;
	int ret = open_group(p);

	if (ret < 0)
		return ret;
	pci->container_fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (pci->container_fd < 0)
		return failed(p, "/dev/vfio/vfio");
	if (ioctl(pci->group_fd, VFIO_GROUP_SET_CONTAINER, &pci->container_fd) < 0)
		return failed(p, "the container");
	if (ioctl(pci->container_fd, VFIO_SET_IOMMU,
		  pci->no_iommu ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1_IOMMU) < 0)
		return failed(p, "the IOMMU (modprobe vfio_iommu_type1)");
	pci->device_fd = ioctl(pci->group_fd, VFIO_GROUP_GET_DEVICE_FD, pci->address);
	if (pci->device_fd < 0)
		return failed(p, "the device");
	fcntl(pci->device_fd, F_SETFD, FD_CLOEXEC);
	return 0;
}

/* ---- regions ---- */

static int
region(const struct pvn_ivshmem_peer *p, uint32_t index, struct vfio_region_info *info)
{
	*info = (struct vfio_region_info){.argsz = sizeof(*info), .index = index};
	if (ioctl(p->pci.device_fd, VFIO_DEVICE_GET_REGION_INFO, info) < 0)
		return failed(p, "a region");
	return 0;
}

static int
take_memory(struct pvn_ivshmem_peer *p)
{
	struct vfio_region_info info;
	int ret = region(p, VFIO_PCI_BAR2_REGION_INDEX, &info);

	if (ret < 0)
		return ret;
	if (info.size == 0 || (info.flags & VFIO_REGION_INFO_FLAG_MMAP) == 0)
		return ivs_fail(ENXIO,
				"PCI device %s: its memory (BAR2) got no address: give the port "
				"that it is plugged into pref64-reserve= of twice the region's "
				"size",
				p->pci.address);
	p->size = info.size;
	p->off = info.offset;
	p->map_fd = fcntl(p->pci.device_fd, F_DUPFD_CLOEXEC, 3);
	return p->map_fd >= 0 ? 0 : failed(p, "a descriptor");
}

/* Its memory answers, and it may send interrupts. */
static int
switch_on(struct pvn_ivshmem_peer *p)
{
	struct vfio_region_info info;
	pvn_le16 command;
	int ret = region(p, VFIO_PCI_CONFIG_REGION_INDEX, &info);

	if (ret < 0)
		return ret;
	if (pread(p->pci.device_fd, &command, 2, info.offset + PCI_COMMAND) != 2)
		return failed(p, "the command register");
	command |= pvn_cpu_to_le16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	if (pwrite(p->pci.device_fd, &command, 2, info.offset + PCI_COMMAND) != 2)
		return failed(p, "the command register");
	return 0;
}

/* Registers are read and written by calls: a doorbell is rung for a sleeper only. */
static int
take_registers(struct pvn_ivshmem_peer *p)
{
	struct vfio_region_info info;
	pvn_le32 number = 0;
	int ret = region(p, VFIO_PCI_BAR0_REGION_INDEX, &info);

	if (ret < 0 || info.size < IVSHMEM_REG_DOORBELL + 4)
		return ret;
	p->pci.regs_off = info.offset;
	p->pci.has_regs = true;
	if (pread(p->pci.device_fd, &number, 4, info.offset + IVSHMEM_REG_POSITION) != 4)
		return failed(p, "the registers");
	p->number = pvn_le32_to_cpu(number);
	return 0;
}

/* ---- interrupts ---- */

static int
set_eventfds(struct pvn_ivshmem_peer *p, uint32_t index, const int *fds, uint32_t count)
{
	_Alignas(struct vfio_irq_set) char
		bytes[sizeof(struct vfio_irq_set) + IVSHMEM_VECTORS_MAX * sizeof(int)];
	struct vfio_irq_set *set = (struct vfio_irq_set *)bytes;

	*set = (struct vfio_irq_set){
		.argsz = sizeof(*set) + count * sizeof(int),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
		.count = count,
	};
	memcpy(set->data, fds, count * sizeof(int));
	return ioctl(p->pci.device_fd, VFIO_DEVICE_SET_IRQS, set) < 0 ? failed(p, "interrupts") : 0;
}

static uint32_t
count_irqs(const struct pvn_ivshmem_peer *p, uint32_t index)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};

	return ioctl(p->pci.device_fd, VFIO_DEVICE_GET_IRQ_INFO, &info) == 0 ? info.count : 0;
}

static int
take_vectors(struct pvn_ivshmem_peer *p)
{
	uint32_t count = count_irqs(p, VFIO_PCI_MSIX_IRQ_INDEX);

	if (count > IVSHMEM_VECTORS_MAX)
		count = IVSHMEM_VECTORS_MAX;
	for (; p->vectors < count; p->vectors++) {
		p->bell[p->vectors] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (p->bell[p->vectors] < 0)
			return failed(p, "an eventfd");
	}
	return count > 0 ? set_eventfds(p, VFIO_PCI_MSIX_IRQ_INDEX, p->bell, count) : 0;
}

/* An older kernel may not ask; then the unplugging waits for our end. */
static int
take_request(struct pvn_ivshmem_peer *p)
{
	if (count_irqs(p, VFIO_PCI_REQ_IRQ_INDEX) == 0)
		return 0;
	p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->event_fd < 0)
		return failed(p, "an eventfd");
	return set_eventfds(p, VFIO_PCI_REQ_IRQ_INDEX, &p->event_fd, 1);
}

/* ---- what a peer does ---- */

/* Without interrupts it is a plain device. */
static int
vfio_ring(struct pvn_ivshmem_peer *p, uint32_t number, uint32_t vector)
{
	pvn_le32 word = pvn_cpu_to_le32(number << 16 | vector);

	if (p->vectors == 0 || !p->pci.has_regs)
		return -ENOTSUP;
	if (number > IVSHMEM_PEER_MAX || vector >= IVSHMEM_VECTORS_MAX)
		return -ENOENT;
	if (pwrite(p->pci.device_fd, &word, 4, p->pci.regs_off + IVSHMEM_REG_DOORBELL) == 4)
		return 0;
	return -errno;
}

/* Once asked to let go, it stays so. */
static int
vfio_look(struct pvn_ivshmem_peer *p)
{
	struct vfio_region_info info;
	uint64_t asked;

	if (p->event_fd >= 0 && read(p->event_fd, &asked, sizeof(asked)) == sizeof(asked))
		p->pci.gone = true;
	if (!p->pci.gone && region(p, VFIO_PCI_BAR2_REGION_INDEX, &info) == 0)
		return 0;
	p->pci.gone = true;
	return ivs_fail(ENODEV, "PCI device %s is to be unplugged", p->pci.address);
}

static void
close_one(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
vfio_close(struct pvn_ivshmem_peer *p)
{
	close_one(p->event_fd);
	close_one(p->map_fd);
	p->map_fd = -1;
	close_one(p->pci.device_fd);
	close_one(p->pci.group_fd);
	close_one(p->pci.container_fd);
}

static const struct peer_ops vfio_ops = {
	.close = vfio_close,
	.ring = vfio_ring,
	.look = vfio_look,
};

int
peer_open_vfio(struct pvn_ivshmem_peer *p)
{
	static int (*const steps[])(struct pvn_ivshmem_peer *) = {
		open_device, switch_on, take_memory, take_registers, take_vectors, take_request,
	};
	int ret = 0;

	p->pci.container_fd = p->pci.group_fd = p->pci.device_fd = -1;
	p->ops = &vfio_ops;
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]) && ret == 0; i++)
		ret = steps[i](p);
	return ret;
}
