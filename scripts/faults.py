# SPDX-License-Identifier: BSD-3-Clause
"""The faults of ./run break, and the tests that must notice them: tables, and nothing else.

A fault is a line of a source file, which must be there exactly once, and what is put in its place.
It is on a path; a path names its wire and the tests that move frames that way, or that lie there.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Test:
    """A test program, and the one case of it that is run if it is a Python one."""

    program: str  # below tests/, without .c
    case: str = ""

    def __str__(self):
        return f"{self.program} {self.case}".strip()


@dataclasses.dataclass(frozen=True)
class Fault:
    """A line to be broken."""

    path: str  # of PATHS
    file: str
    line: str
    replacement: str
    cpu: str = ""  # the flag of /proc/cpuinfo without which the line is never run


def tests(folder, *names):
    return tuple(Test(f"{folder}/{name}") for name in names)


def cases(program, *names):
    return tuple(Test(program, name) for name in names)


VM = (
    *cases("vm/test_vmxnet3_frames.py", "test_scattered[q35,1]", "test_vfio"),
    Test("vm/test_vmxnet3_restart.py", "test_stop_start"),
    Test("vm/test_vmxnet3_peer.py", "test_linux_peer"),
)
WIRE = "xen/test_xen_wire.py"
COPY = cases(WIRE, "test_frames[0,1500]")
ZERO_COPY = cases(WIRE, "test_frames[1,1500]")

# Each of these tests must fail when a line of the path is broken.
PATHS = {
    "vmxnet3 rx": (*tests("device", "test_rxtx", "test_rx"), *VM),
    "vmxnet3 rx, wide": tests("device", "test_rx_paths"),
    "vmxnet3 tx": (*tests("device", "test_rxtx", "test_tx"), *VM),
    "vmxnet3 data ring, rx": tests("device", "test_data_rx"),
    "vmxnet3 data ring, tx": tests("device", "test_data_tx"),
    "vmxnet3 settings": tests("device", "test_control"),
    "vmxnet3 limits": tests("device", "test_info"),
    "vmxnet3 interrupts": tests("device", "test_intr"),
    "vmxnet3 life": tests("device", "test_lifecycle"),
    "vmxnet3 late": tests("device", "test_late"),
    "vmxnet3 refusals": tests("device", "test_refusals"),
    "vmxnet3 rss": tests("device", "test_rss"),
    "vmxnet3 commands": tests("device", "test_serial"),
    "vmxnet3 telemetry": tests("device", "test_telemetry"),
    "vmxnet3 versions": tests("device", "test_versions"),
    "vmxnet3 counters": tests("device", "test_xstats"),
    "vmxnet3 page": tests("device", "test_features"),
    "vmxnet3 tunnels": tests("device", "test_tunnel"),
    "vmxnet3 tunnels, refused": tests("device", "test_tunnel_refused"),
    "vmxnet3 tunnels, rx": tests("device", "test_tunnel_rx"),
    "vmxnet3 rx, both ways": tests("device", "test_rx_paths"),
    "xen guest rx": (*tests("device", "test_ports", "test_ports_queues"), *COPY),
    "xen guest tx": (*tests("device", "test_ports", "test_ports_queues"), *COPY),
    "xen guest zero-copy rx": (*tests("device", "test_ports", "test_ports_queues"), *ZERO_COPY),
    "xen guest zero-copy tx": (*tests("device", "test_ports", "test_ports_queues"), *ZERO_COPY),
    "xen host rx": (*tests("device", "test_ports", "test_ports_queues"), *COPY, *ZERO_COPY),
    "xen host tx": (*tests("device", "test_ports", "test_ports_queues"), *COPY, *ZERO_COPY),
    "xen long frames": (*tests("device", "test_ports", "test_ports_buffers"),
                        *cases(WIRE, "test_frames[0,9000]")),
    "xen external flag": tests("device", "test_ports_mbuf"),
    "xen guest lies, index": (*tests("device", "test_ports_buffers", "test_ports_hostile"),
                              *tests("unit", "test_vring_dev")),
    "xen guest lies, address": (*tests("device", "test_ports_buffers", "test_ports_hostile"),
                                *tests("unit", "test_vring_desc")),
    "xen guest lies, descriptor": (*tests("device", "test_ports_hostile"),
                                   *tests("unit", "test_vring_desc", "test_vring_dev")),
    "xen guest lies, access": (*tests("device", "test_ports_buffers"),
                               *tests("unit", "test_vring_desc")),
    "xen guest rewrites, header": tests("device", "test_ports_torn"),
    "xen guest rewrites, descriptor": tests("device", "test_ports_steps"),
    "xen host lies": tests("device", "test_ports_host_lies"),
    "xen host lies, index": (*tests("device", "test_ports_host_lies"),
                             *tests("unit", "test_vring_drv")),
    "switch look": tests("device", "test_ports_frames"),
    "switch look, hints": tests("device", "test_ports_frames_hints"),
    "switch put": tests("device", "test_ports_frames", "test_ports_frames_put"),
    "switch put, buffers": tests("device", "test_ports_frames_put"),
    "switch put, hints": tests("device", "test_ports_frames_hints"),
    "ivshmem region": tests("unit", "test_ivshmem_region"),
    "ivshmem stamp": (*tests("unit", "test_ivshmem_region"),
                      *tests("ivshmem", "test_ivshmem_pair")),
    "ivshmem given up": (*tests("unit", "test_ivshmem_region"),
                         *tests("ivshmem", "test_ivshmem_pair")),
    "ivshmem export": tests("ivshmem", "test_ivshmem_api"),
    "ivshmem find": tests("ivshmem", "test_ivshmem_pair"),
    "ivshmem link": tests("ivshmem", "test_ivshmem_link"),
    "ivshmem link, deaths": tests("ivshmem", "test_ivshmem_link", "test_ivshmem_kill"),
    "ivshmem link, both ends": tests("ivshmem", "test_ivshmem_link", "test_ivshmem_pair",
                                     "test_ivshmem_kill"),
    "ivshmem whole heap": tests("ivshmem", "test_ivshmem_heap"),
    "ivshmem net, removed": cases("ivshmem/net/test_ivshmem_net.py", "test_own_server"),
    "ivshmem whole heap, VM": cases("vm/test_ivshmem_net.py", "test_h45_h46_h48_h49_h51_pointers"),
    "ivshmem server": tests("unit", "test_ivshmem_server"),
    "ivshmem server, memory": tests("unit", "test_ivshmem_server", "test_ivshmem_server_files"),
    "ivshmem server, refused": tests("unit", "test_ivshmem_server_files"),
    "ivshmem peer": tests("unit", "test_ivshmem_peer"),
    "xen policy mac": (*tests("device", "test_ports_hostile"), *cases(WIRE, "test_policy_mac")),
    "xen policy rate": (*tests("device", "test_ports_queues"), *cases(WIRE, "test_policy_rate")),
}

VMXNET3_RX = "drivers/net/vmxnet3/vmxnet3_rx.c"
VMXNET3_RX_AVX2 = "drivers/net/vmxnet3/vmxnet3_rx_avx2.c"
VMXNET3_RX_AVX512 = "drivers/net/vmxnet3/vmxnet3_rx_avx512.c"
VMXNET3_RX_WAYS = "drivers/net/vmxnet3/vmxnet3_rx_ways.c"
VMXNET3_RX_H = "drivers/net/vmxnet3/vmxnet3_rx.h"
VMXNET3_TX = "drivers/net/vmxnet3/vmxnet3_tx.c"
VMXNET3_TX_H = "drivers/net/vmxnet3/vmxnet3_tx.h"
VMXNET3_TX_TUNNEL = "drivers/net/vmxnet3/vmxnet3_tx_tunnel.c"
VMXNET3_OFFLOAD = "drivers/net/vmxnet3/vmxnet3_offload.c"
VMXNET3_RX_DATA = "drivers/net/vmxnet3/vmxnet3_rx_data.c"
VMXNET3_TX_DATA = "drivers/net/vmxnet3/vmxnet3_tx_data.c"
VMXNET3_DEV = "drivers/net/vmxnet3/vmxnet3_dev.c"
VMXNET3_DEV_SET = "drivers/net/vmxnet3/vmxnet3_dev_set.c"
VMXNET3_INFO = "drivers/net/vmxnet3/vmxnet3_info.c"
VMXNET3_INTR = "drivers/net/vmxnet3/vmxnet3_intr.c"
VMXNET3_LIFE = "drivers/net/vmxnet3/vmxnet3_life.c"
VMXNET3_LATE = "drivers/net/vmxnet3/vmxnet3_late.c"
VMXNET3_QUEUE = "drivers/net/vmxnet3/vmxnet3_queue.c"
VMXNET3_RSS = "drivers/net/vmxnet3/vmxnet3_rss.c"
VMXNET3_SETTINGS = "drivers/net/vmxnet3/vmxnet3_settings.c"
VMXNET3_STATS = "drivers/net/vmxnet3/vmxnet3_stats.c"
VMXNET3_STATUS = "drivers/net/vmxnet3/vmxnet3_status.c"
GUEST = "lib/guestport/guest_copy.c"
ZERO = "lib/guestport/guest_zero_copy.c"
HOST_RX = "lib/hostport/host_rx.c"
HOST_TX = "lib/hostport/host_tx.c"
PEEK = "lib/hostport/host_peek.c"
PUT = "lib/hostport/host_put.c"
NETBUF = "lib/netbuf/pvn_netbuf.h"
VRING = "lib/vring/pvn_vring.h"

REGION = "lib/ivshmem/region.c"
REGION_HOST = "lib/ivshmem/region_host.c"
REGION_GUEST = "lib/ivshmem/region_guest.c"
SHARE_OBJECTS = "lib/ivshmem/share_objects.c"
SHARE_WHOLE = "lib/ivshmem/share_whole.c"
ATTACH = "lib/ivshmem/attach.c"
ATTACH_OBJECTS = "lib/ivshmem/attach_objects.c"
IVSHMEM_SHARE = "drivers/net/ivshmem/ivshmem_share.c"
IVSHMEM_CONN = "drivers/net/ivshmem/ivshmem_conn.c"
ATTACH_HEAP = "lib/ivshmem/attach_heap.c"
LINK_HOST = "lib/ivshmem/link_host.c"
LINK_GUEST = "lib/ivshmem/link_guest.c"
SERVER_CLIENT = "lib/ivshmem/server_client.c"
SERVER_MEMORY = "lib/ivshmem/server_memory.c"
PEER_SOCKET = "lib/ivshmem/peer_socket.c"
PEER_BELLS = "lib/ivshmem/peer_bells.c"

BYTE = "rte_pktmbuf_mtod({0}, uint8_t *)[{0}->data_len / 2] ^= 1;"
FIRST_BYTE = BYTE.format("mbufs[0]")

# Lines of bursts that every file of the Xen wire has.
RX_CALL = "\t\tgot = rx_burst(q, mbufs, n);"
RX_END = "\tpvn_gate_leave(&q->gate);\n\treturn got;"
TX_CALL = "sent = tx_burst(q, mbufs, n);"


def rx_ends(statement):
    """The end of a receive burst, with something done to each frame that was received."""
    return RX_END.replace("\treturn", f"\tfor (uint16_t i = 0; i < got; i++)\n\t\t{statement}\n\treturn")


FAULTS = {
    # VMXNET3
    "rx-returns-0": Fault(
        "vmxnet3 rx", VMXNET3_RX, "\twhile (budget-- > 0) {",
        "\twhile (nb_pkts == 0 && budget-- > 0) {"),
    "rx-swaps-byte": Fault(
        "vmxnet3 rx", VMXNET3_RX, "\t\tbytes += len;\n", f"\t\tbytes += len;\n\t\t{BYTE.format('m')}\n"),
    "rx-loses-byte": Fault(
        "vmxnet3 rx", VMXNET3_RX, "\t\tm->pkt_len = len;\n\t\tm->data_len = len;\n",
        "\t\tm->pkt_len = len - 1;\n\t\tm->data_len = len - 1;\n"),
    "rx-no-refill": Fault(
        "vmxnet3 rx", VMXNET3_RX, "\t\tvmxnet3_rx_refill(rxq, ring);\n}", "\t\treturn;\n}"),
    "rx-avx2-long": Fault(
        "vmxnet3 rx, wide", VMXNET3_RX_AVX2, "_mm256_set1_epi32(rxq->plain_max);",
        "_mm256_set1_epi32(rxq->plain_max + 1);", "avx2"),
    "rx-avx2-other-frame": Fault(
        "vmxnet3 rx, wide", VMXNET3_RX_AVX2, "k.rearm, _mm256_castsi256_si128(f23));",
        "k.rearm, _mm256_castsi256_si128(f01));", "avx2"),
    "rx-avx512-error": Fault(
        "vmxnet3 rx, wide", VMXNET3_RX_AVX512, "VMXNET3_RXC2_ERR | VMXNET3_RXC2_LEN,",
        "VMXNET3_RXC2_LEN,", "avx512vl"),
    "rx-avx512-hash": Fault(
        "vmxnet3 rx, wide", VMXNET3_RX_AVX512, "test_epi32_mask(e, hash) << 2",
        "test_epi32_mask(e, hash)", "avx512vl"),
    "rx-avx512-mixed": Fault(
        "vmxnet3 rx, wide", VMXNET3_RX_AVX512,
        "EACH(VMXNET3_RXC0_TELLING, 0, 0,", "EACH(0, 0, 0,", "avx512vl"),
    "rx-narrow": Fault(
        "vmxnet3 rx, wide", VMXNET3_RX_WAYS, "const struct way *way = ways;\n\n\twhile (way->bits",
        "const struct way *way = ways + 1;\n\n\twhile (way->bits", "avx512vl"),
    "rx-comp-gen": Fault(
        "vmxnet3 rx", VMXNET3_RX_H, "\t\trxq->comp_gen ^= VMXNET3_RXC3_GEN;",
        "\t\trxq->comp_gen ^= 0;"),
    "rx-desc-gen": Fault(
        "vmxnet3 rx", VMXNET3_RX_H, "\t\tring->gen ^= VMXNET3_RXD2_GEN;", "\t\tring->gen ^= 0;"),
    "rx-wrong-slot": Fault(
        "vmxnet3 rx", VMXNET3_RX, "\t\tstruct rte_mbuf *m = slot[i];",
        "\t\tstruct rte_mbuf *m = slot[i ^ 1];"),
    "tx-returns-0": Fault(
        "vmxnet3 tx", VMXNET3_TX, "\twhile (n < nb_pkts) {", "\twhile (n > nb_pkts) {"),
    "tx-swaps-byte": Fault(
        "vmxnet3 tx", VMXNET3_TX, "\t\tbytes += len;\n", f"\t\tbytes += len;\n\t\t{BYTE.format('m')}\n"),
    "tx-no-doorbell": Fault(
        "vmxnet3 tx", VMXNET3_TX_H, "\t\trte_write32(txq->fill, txq->doorbell);", "\t\tdue = false;"),
    "tx-no-eop": Fault(
        "vmxnet3 tx", VMXNET3_TX, "gen | len, VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ",
        "gen | len, VMXNET3_TXD3_CQ"),
    "tx-desc-gen": Fault(
        "vmxnet3 tx", VMXNET3_TX_H, "\t\ttxq->gen ^= VMXNET3_TXD2_GEN;", "\t\ttxq->gen ^= 0;"),
    "tx-no-reap": Fault(
        "vmxnet3 tx", VMXNET3_TX, "\t\tvmxnet3_tx_reap(txq);\n\twhile", "\t\tdue = 0;\n\twhile"),
    "tx-drops": Fault(
        "vmxnet3 tx", VMXNET3_TX, "= put_row(txq, pkts + n, nb_pkts - n);",
        "= nb_pkts - n;\n\n\t\trte_pktmbuf_free_bulk(pkts + n, row);"),
    "rx-data-not-copied": Fault(
        "vmxnet3 data ring, rx", VMXNET3_RX_DATA,
        "\t\tcopy_slot(rte_pktmbuf_mtod(m, uint8_t *), slot, len);\n", ""),
    "rx-data-first-step-only": Fault(
        "vmxnet3 data ring, rx", VMXNET3_RX_DATA, "at < len; at += VMXNET3_DATA_SLOT_STEP",
        "at < 1; at += VMXNET3_DATA_SLOT_STEP"),
    "rx-data-not-posted": Fault(
        "vmxnet3 data ring, rx", VMXNET3_RX_DATA, "\t\tpost(rxq, ring, k);\n", ""),
    "rx-data-surplus-lost": Fault(
        "vmxnet3 data ring, rx", VMXNET3_RX_DATA, "\tif (taken < n)\n", "\tif (taken > n)\n"),
    "rx-data-length": Fault(
        "vmxnet3 data ring, rx", VMXNET3_RX_DATA, "c->word2) <= rxq->data_slot)",
        "c->word2) <= rxq->buf_len)"),
    "rx-data-any-piece": Fault(
        "vmxnet3 data ring, rx", VMXNET3_RX_DATA, "if ((c->word0 & whole) == whole &&",
        "if (whole != 0 &&"),
    "rx-data-small-buffers": Fault(
        "vmxnet3 data ring, rx", VMXNET3_QUEUE, "\t\trxq->data_slot = 0;", "\t\trxq->data_slot += 0;"),
    "tx-data-not-copied": Fault(
        "vmxnet3 data ring, tx", VMXNET3_TX_DATA,
        "\t\tcopy_small(txq->data + at, rte_pktmbuf_mtod(m, const uint8_t *), len);\n", ""),
    "tx-data-not-freed": Fault(
        "vmxnet3 data ring, tx", VMXNET3_TX_DATA, "\tvmxnet3_tx_free_copied(txq, pkts, i);\n", ""),
    "tx-data-freed-twice": Fault(
        "vmxnet3 data ring, tx", VMXNET3_TX_DATA, "VMXNET3_TX_NOTHING, n);", "0, n);"),
    "tx-data-others-held": Fault(
        "vmxnet3 data ring, tx", VMXNET3_TX_DATA, "\t\ttxq->holding = txq->in_flight;",
        "\t\ttxq->holding = 0;"),
    "tx-data-too-long": Fault(
        "vmxnet3 data ring, tx", VMXNET3_TX_DATA, "m->data_len - 1u < txq->data_slot",
        "m->data_len - 1u <= txq->data_slot"),
    "tx-data-never-done": Fault(
        "vmxnet3 data ring, tx", VMXNET3_TX_DATA, "VMXNET3_TXD3_EOP | VMXNET3_TXD3_CQ",
        "VMXNET3_TXD3_EOP"),
    "tx-data-doorbells": Fault(
        "vmxnet3 data ring, tx", VMXNET3_TX_DATA, "\ttxq->quiet = UINT32_MAX;", "\ttxq->quiet = 0;"),
    "ctl-multicast-lost": Fault(
        "vmxnet3 settings", VMXNET3_LIFE, "\tvmxnet3_dev_mcast_tell(hw);\n", ""),
    "ctl-multicast-long": Fault(
        "vmxnet3 settings", VMXNET3_SETTINGS, "num > VMXNET3_MCAST_MAX", "num > 10000"),
    "ctl-tagged-lost": Fault(
        "vmxnet3 settings", VMXNET3_DEV_SET, "on ? hw->dma->vlan_bitmap[i] : UINT32_MAX",
        "on ? hw->dma->vlan_bitmap[i] : 0"),
    "ctl-rx-mode-untold": Fault(
        "vmxnet3 settings", VMXNET3_DEV_SET,
        "\t\thw->shared->rx_mode = pvn_cpu_to_le32(hw->rx_mode);\n", ""),
    "ctl-mtu-too-large": Fault(
        "vmxnet3 settings", VMXNET3_SETTINGS, "if (mtu <= room) {", "if (room != 0) {"),
    "ctl-mtu-restarts": Fault(
        "vmxnet3 settings", VMXNET3_SETTINGS, "\t\tset_queue_mtu(dev, mtu);\n",
        "\t\tvmxnet3_stop(dev);\n\t\tvmxnet3_start(dev);\n\t\tset_queue_mtu(dev, mtu);\n"),
    "ctl-event-register": Fault(
        "vmxnet3 settings", VMXNET3_INTR, "events = vmxnet3_dev_take_events(hw);",
        "events = vmxnet3_dev_register(hw, VMXNET3_BAR1_ECR);"),
    "ctl-event-vector-masked": Fault(
        "vmxnet3 settings", VMXNET3_INTR,
        "\tvmxnet3_dev_mask(hw, VMXNET3_VECTOR_EVENT, false);\n\trte_intr_ack(dev->intr_handle);",
        "\trte_intr_ack(dev->intr_handle);"),
    "ctl-link-speed": Fault(
        "vmxnet3 settings", VMXNET3_INTR, "link.link_speed = speed_mbps;", "link.link_speed = 10000;"),
    "ctl-ring-size": Fault(
        "vmxnet3 limits", VMXNET3_INFO, "info->nb_desc = rxq->num_desc;",
        "info->nb_desc = rxq->comp_size;"),
    "ctl-qemu-queues": Fault(
        "vmxnet3 limits", VMXNET3_DEV, "caps->is_qemu ? QUEUES_UNKNOWN : VMXNET3_QUEUES_MAX_RX_V1",
        "VMXNET3_QUEUES_MAX_RX_V1"),
    "ctl-rx-status": Fault(
        "vmxnet3 limits", VMXNET3_STATUS, "if (offset < rx_completions(rxq))",
        "if (offset <= rx_completions(rxq))"),
    "ctl-tx-status": Fault(
        "vmxnet3 limits", VMXNET3_STATUS, "if (offset < unused - 1)", "if (offset < unused)"),
    "ctl-sleep-too-long": Fault(
        "vmxnet3 limits", VMXNET3_STATUS, "== opaque[0] ? -1 : 0", "!= opaque[0] ? -1 : 0"),
    "ctl-vector-shared": Fault(
        "vmxnet3 interrupts", VMXNET3_LIFE, "hw->intr.rx ? VMXNET3_VECTOR_RX(q) : hw->intr.quiet",
        "hw->intr.rx ? VMXNET3_VECTOR_RX(0) : hw->intr.quiet"),
    "ctl-rx-intr-unasked": Fault(
        "vmxnet3 interrupts", VMXNET3_INTR, "\tintr->rx = conf->rxq != 0;",
        "\tintr->rx = conf != NULL;"),
    "ctl-error-again": Fault(
        "vmxnet3 interrupts", VMXNET3_INTR, "\thw->failed = true;\n", ""),
    "ctl-error-unheard": Fault(
        "vmxnet3 interrupts", VMXNET3_INTR,
        "\trte_eth_dev_callback_process(dev, RTE_ETH_EVENT_INTR_RESET, NULL);\n", ""),
    "ctl-removal-unheard": Fault(
        "vmxnet3 interrupts", VMXNET3_INTR, "type != RTE_DEV_EVENT_REMOVE ||",
        "type == RTE_DEV_EVENT_REMOVE ||"),
    "ctl-active-at-close": Fault(
        "vmxnet3 life", VMXNET3_LIFE, "\tvmxnet3_stats_save(dev);\n\tvmxnet3_dev_quiesce(hw);\n",
        "\tvmxnet3_stats_save(dev);\n"),
    "ctl-late-released": Fault(
        "vmxnet3 late", VMXNET3_LATE,
        "\tif (!vmxnet3_hw(dev)->active)\n\t\tvmxnet3_rxq_release(dev, queue);",
        "\tvmxnet3_rxq_release(dev, queue);"),
    "ctl-late-small-buffers": Fault(
        "vmxnet3 late", VMXNET3_LATE, "if (vmxnet3_rx_buf_len(pool) < rxq->buf_len) {",
        "if (vmxnet3_rx_buf_len(pool) == 0) {"),
    "ctl-late-in-table": Fault(
        "vmxnet3 late", VMXNET3_RSS, "\tif (!rss->table_set)\n\t\tspread_evenly(dev, rss);\n",
        ""),
    "ctl-setup-leaks": Fault(
        "vmxnet3 refusals", VMXNET3_QUEUE,
        "\tif (alloc_rx_memory(dev, rxq, socket) < 0) {\n\t\tvmxnet3_rxq_release(dev, queue);\n",
        "\tif (alloc_rx_memory(dev, rxq, socket) < 0) {\n\t\tdev->data->rx_queues[queue] = NULL;\n"),
    "ctl-rss-one-queue": Fault(
        "vmxnet3 rss", VMXNET3_RSS, "dev->data->nb_rx_queues > 1 &&", ""),
    "ctl-rss-key-length": Fault(
        "vmxnet3 rss", VMXNET3_RSS,
        "conf->rss_key == NULL || conf->rss_key_len == VMXNET3_RSS_KEY_LEN",
        "conf->rss_key == NULL || conf->rss_key_len <= VMXNET3_RSS_KEY_LEN"),
    "ctl-rss-table-lost": Fault("vmxnet3 rss", VMXNET3_RSS, "\tif (!fits)\n", ""),
    "ctl-rss-table-untold": Fault("vmxnet3 rss", VMXNET3_RSS, "\tif (rss->on)\n", "\tif (!rss->on)\n"),
    "ctl-rss-no-tcp-bits": Fault(
        "vmxnet3 rss", VMXNET3_RSS,
        "fields | VMXNET3_RSS_FIELD_TCP_IPV4 | VMXNET3_RSS_FIELD_TCP_IPV6", "fields"),
    "ctl-rss-live-key": Fault(
        "vmxnet3 rss", VMXNET3_RSS, "if (hw->active && (new_key ||", "if (!hw->active && (new_key ||"),
    "ctl-telemetry-any-number": Fault(
        "vmxnet3 telemetry", "drivers/net/vmxnet3/vmxnet3_telemetry.c",
        "\tif (q >= (rx ? data->nb_rx_queues : data->nb_tx_queues))\n\t\treturn -ENOENT;\n",
        "\tq %= rx ? data->nb_rx_queues : data->nb_tx_queues;\n"),
    "ctl-no-lock": Fault(
        "vmxnet3 commands", "drivers/net/vmxnet3/vmxnet3_dev.h", "if (pthread_mutex_lock(&hw->lock) == EOWNERDEAD)",
        "if (hw == NULL)"),
    "ctl-v6-vectors": Fault(
        "vmxnet3 versions", VMXNET3_DEV, "\tif (has_many_queues(dev)) {", "\tif (hw == NULL) {"),
    "ctl-v7-powers": Fault(
        "vmxnet3 versions", VMXNET3_QUEUE, "rxq->powers ? rte_align32pow2(rings) : rings", "rings"),
    "ctl-v7-capabilities": Fault(
        "vmxnet3 versions", VMXNET3_DEV, "uint32_t wanted = VMXNET3_CAPS_WANTED;",
        "uint32_t wanted = UINT32_MAX;"),
    "ctl-v7-pass-through": Fault(
        "vmxnet3 versions", VMXNET3_DEV, "\t\twanted &= pass_through;\n", "\t\twanted &= UINT32_MAX;\n"),
    "ctl-v7-large-bar": Fault(
        "vmxnet3 versions", VMXNET3_QUEUE,
        "large_bar ? VMXNET3_LARGE_BAR0_RXPROD(q) : VMXNET3_BAR0_RXPROD(q)", "VMXNET3_BAR0_RXPROD(q)"),
    "tunnel-outer-checksum": Fault(
        "vmxnet3 tunnels", VMXNET3_TX_TUNNEL, "\t\tw.word2 |= VMXNET3_TXD2_OUTER_CSUM;", "\t\tw.word2 |= 0;"),
    "tunnel-mode-always": Fault(
        "vmxnet3 tunnels", VMXNET3_TX_TUNNEL, "\tif (txq->tunnels_by_mode) {", "\tif (txq != NULL) {"),
    "tunnel-not-granted": Fault(
        "vmxnet3 tunnels, refused", VMXNET3_TX_TUNNEL,
        "(needed_capabilities(m, kind) & ~txq->tunnels) != 0",
        "(needed_capabilities(m, kind) & ~(txq->tunnels | VMXNET3_CAPS_TUNNEL)) != 0"),
    "tunnel-any-port": Fault(
        "vmxnet3 tunnels, refused", VMXNET3_TX_TUNNEL,
        "if (port != kind->ports[0] && port != kind->ports[1])", "if (port == 0)"),
    "tunnel-rx-outer": Fault(
        "vmxnet3 tunnels, rx", VMXNET3_OFFLOAD, "inner ? &inner_words : &outer_words",
        "inner ? &outer_words : &inner_words"),
    "tunnel-rx-bad": Fault(
        "vmxnet3 tunnels, rx", VMXNET3_OFFLOAD,
        "const bool l4 = l4_offload(word3) != 0 && (word3 & VMXNET3_RXC3_TUC) != 0;",
        "const bool l4 = l4_offload(word3) != 0;"),
    "tunnel-rx-paths": Fault(
        "vmxnet3 rx, both ways", "drivers/net/vmxnet3/vmxnet3_rx_avx2.c", "TWICE(VMXNET3_RXC0_TELLING, 0, 0,",
        "TWICE(VMXNET3_RXC0_CNC, 0, 0,"),
    "ctl-v9-forbidden": Fault(
        "vmxnet3 versions", VMXNET3_DEV,
        "hw->caps.disabled_offloads = ask(hw, VMXNET3_CMD_GET_DISABLED_OFFLOADS);",
        "hw->caps.disabled_offloads = 0;"),
    "ctl-counters-restart": Fault(
        "vmxnet3 counters", VMXNET3_LIFE, "\tvmxnet3_stats_save(dev);\n", ""),
    "ctl-counters-of-queue": Fault(
        "vmxnet3 counters", VMXNET3_QUEUE, "\tvmxnet3_stats_keep_rxq(dev, rxq);\n", ""),
    "ctl-counters-reset": Fault(
        "vmxnet3 counters", VMXNET3_STATS, "\tcount_all(dev, &adapter->reset);",
        "\tmemset(&adapter->reset, 0, sizeof(adapter->reset));"),
    "ctl-counters-cause": Fault(
        "vmxnet3 counters", VMXNET3_STATS, " + c->sw.bad_piece + c->sw.bad_completion",
        " + c->sw.bad_completion"),
    "ctl-page-stale": Fault(
        "vmxnet3 page", VMXNET3_INFO, "info->max_mtu = caps->max_mtu;",
        "info->max_mtu = caps->max_mtu - 1;"),

    # Xen, the guest's end, copying
    "guest-rx-returns-0": Fault("xen guest rx", GUEST, RX_CALL, RX_CALL.replace("n)", "0)")),
    "guest-rx-swaps-byte": Fault("xen guest rx", GUEST, RX_END, rx_ends(BYTE.format("mbufs[i]"))),
    "guest-rx-loses-byte": Fault(
        "xen guest rx", GUEST, RX_END, rx_ends("rte_pktmbuf_trim(mbufs[i], 1);")),
    "guest-rx-wrong-slot": Fault(
        "xen guest rx", GUEST, "(q->ring.used_idx + n) & q->ring.mask) * PVN_GUEST_SLOT_STRIDE",
        "(q->ring.used_idx + n + 1) & q->ring.mask) * PVN_GUEST_SLOT_STRIDE"),
    "guest-rx-gives-none-back": Fault(
        "xen guest rx", GUEST, "\tpvn_vring_drv_publish(&q->ring, buffers);", "\t(void)buffers;"),
    "guest-tx-returns-0": Fault("xen guest tx", GUEST, TX_CALL, TX_CALL.replace("n)", "0)")),
    "guest-tx-swaps-byte": Fault("xen guest tx", GUEST, TX_CALL, f"{FIRST_BYTE}\n\t\t{TX_CALL}"),
    "guest-tx-drops": Fault("xen guest tx", GUEST, TX_CALL, "sent = n;"),
    "guest-tx-wrong-slot": Fault(
        "xen guest tx", GUEST, "(q->ring.pos + n) & q->ring.mask) * PVN_GUEST_SLOT_STRIDE",
        "(q->ring.pos + n + 1) & q->ring.mask) * PVN_GUEST_SLOT_STRIDE"),
    "guest-tx-no-publish": Fault(
        "xen guest tx", GUEST, "\t\tpvn_vring_drv_publish(&q->ring, frames);", "\t\tframes = 0;"),
    "guest-tx-no-reclaim": Fault("xen guest tx", GUEST, "\tguest_tx_reclaim(q, n);\n", ""),

    # Xen, the guest's end, zero-copy
    "zero-rx-returns-0": Fault(
        "xen guest zero-copy rx", ZERO, RX_CALL, RX_CALL.replace("n)", "0)")),
    "zero-rx-swaps-byte": Fault(
        "xen guest zero-copy rx", ZERO, RX_END, rx_ends(BYTE.format("mbufs[i]"))),
    "zero-rx-loses-byte": Fault(
        "xen guest zero-copy rx", ZERO, RX_END, rx_ends("rte_pktmbuf_trim(mbufs[i], 1);")),
    "zero-rx-wrong-slot": Fault(
        "xen guest zero-copy rx", ZERO, "\t\t\tq->posted[pos & q->ring.mask] = fresh[i];",
        "\t\t\tq->posted[pos & q->ring.mask] = fresh[i ^ (n % 2 == 0)];"),
    "zero-rx-posts-none": Fault(
        "xen guest zero-copy rx", ZERO, "\t\tpvn_vring_drv_publish(&q->ring, posted);",
        "\t\tposted = 0;"),
    "zero-rx-loses-flag": Fault(
        "xen external flag", ZERO, RX_END, rx_ends("mbufs[i]->ol_flags &= ~RTE_MBUF_F_EXTERNAL;")),
    "zero-tx-returns-0": Fault(
        "xen guest zero-copy tx", ZERO, TX_CALL, TX_CALL.replace("n)", "0)")),
    "zero-tx-swaps-byte": Fault(
        "xen guest zero-copy tx", ZERO, TX_CALL, f"{FIRST_BYTE}\n\t\t{TX_CALL}"),
    "zero-tx-no-publish": Fault(
        "xen guest zero-copy tx", ZERO, "\t\tpvn_vring_drv_publish(&q->ring, frames);",
        "\t\tframes = 0;"),
    "zero-tx-no-reclaim": Fault("xen guest zero-copy tx", ZERO, "\ttx_free_used(q, RTE_MAX(q->free_thresh, n));\n", ""),
    "zero-tx-frees-none": Fault(
        "xen guest zero-copy tx", ZERO, "\t\tif (unlikely(*slot == NULL))\n\t\t\tcontinue;",
        "\t\tif (true)\n\t\t\tcontinue;"),

    # Xen, the host's end
    "host-rx-returns-0": Fault("xen host rx", HOST_RX, RX_CALL, RX_CALL.replace("n)", "0)")),
    "host-rx-swaps-byte": Fault("xen host rx", HOST_RX, RX_END, rx_ends(BYTE.format("mbufs[i]"))),
    "host-rx-loses-byte": Fault(
        "xen host rx", HOST_RX, RX_END, rx_ends("rte_pktmbuf_trim(mbufs[i], 1);")),
    "host-rx-gives-none-back": Fault(
        "xen host rx", HOST_RX, "\tpvn_vring_dev_publish(&q->ring, frames, descs);",
        "\tq->ring.pos += descs, q->ring.used_idx += frames;"),
    "host-tx-returns-0": Fault("xen host tx", HOST_TX, TX_CALL, TX_CALL.replace("n)", "0)")),
    "host-tx-swaps-byte": Fault("xen host tx", HOST_TX, TX_CALL, f"{FIRST_BYTE}\n\t{TX_CALL}"),
    "host-tx-drops": Fault("xen host tx", HOST_TX, TX_CALL, "sent = n;"),
    "host-tx-no-publish": Fault(
        "xen host tx", HOST_TX, "\t\tpvn_vring_dev_publish(&q->ring, used, used);", "\t\tused = 0;"),
    "host-tx-buffer-count": Fault(
        "xen long frames", HOST_TX, "hdr.num_buffers = pvn_cpu_to_le16(count);",
        "hdr.num_buffers = pvn_cpu_to_le16(1);"),
    "host-no-mac-check": Fault("xen policy mac", HOST_RX, "policy->check_mac &&", "false &&"),
    "host-no-rate": Fault(
        "xen policy rate", HOST_RX, "(in_rate & RTE_BIT64(i)) == 0", "(in_rate & 0) != 0"),

    # Xen, what both ends share
    "netbuf-loses-flag": Fault(
        "xen external flag", NETBUF, "\tm->ol_flags = rearm->ol_flags;", "\tm->ol_flags = 0;"),
    "ring-used-length-of-next": Fault(
        "xen guest rx", VRING, "r->used->ring[(uint16_t)(r->used_idx + n) & r->mask].len",
        "r->used->ring[(uint16_t)(r->used_idx + n + 1) & r->mask].len"),

    # Xen, checks: the guest lies
    "host-no-pool-check": Fault(
        "xen guest lies, descriptor", VRING, "(pool >= r->pool_count, 0)", "(false, 0)"),
    "host-no-write-check": Fault(
        "xen guest lies, access", VRING, "(write && !r->pools[pool].writable, 0)", "(false, 0)"),
    "host-no-bounds": Fault(
        "xen guest lies, address", VRING,
        "offset < PVN_VRING_HDR_ROOM || offset + len > r->pools[pool].size",
        "offset < PVN_VRING_HDR_ROOM"),
    "host-no-header-room": Fault(
        "xen guest lies, address", VRING,
        "offset < PVN_VRING_HDR_ROOM || offset + len > r->pools[pool].size",
        "offset + len > r->pools[pool].size"),
    "host-no-flags-check": Fault(
        "xen guest lies, descriptor", VRING, "((buf->flags & ~allowed) != 0, 0)", "(false, 0)"),
    "host-no-length-check": Fault(
        "xen guest lies, descriptor", VRING, "(buf->len == 0, 0)", "(false, 0)"),
    "host-no-index-check": Fault(
        "xen guest lies, index", VRING, "(known > r->mask + 1 || known < before, 0)", "(false, 0)"),
    "host-length-twice": Fault(
        "xen guest rewrites, descriptor", VRING, "pvn_vring_dev_translate(r, addr, buf->len, write);",
        "pvn_vring_dev_translate(r, addr, pvn_le32_to_cpu(PVN_LOAD_ONCE(d->len)), write);"),
    "host-header-twice": Fault(
        "xen guest rewrites, header", HOST_RX, "\tgood = good && apply_hdr(q, m, &hdr);",
        "\tif ((bufs[0].flags & VRING_DESC_F_HDR) != 0)\n"
        "\t\tpvn_vring_dev_read_hdr(&bufs[0], &hdr);\n"
        "\tgood = good && apply_hdr(q, m, &hdr);"),
    "host-address-twice": Fault(
        "xen guest rewrites, descriptor", VRING, "\treturn true;\n}\n\n/* The other buffers",
        "\tbuf->addr = r->pools[VRING_ADDR_POOL(addr)].base +\n"
        "\t\t    VRING_ADDR_OFFSET(pvn_le64_to_cpu(PVN_LOAD_ONCE(d->addr)));\n"
        "\treturn true;\n}\n\n/* The other buffers"),

    # Xen, checks: the host lies
    "guest-no-index-check": Fault(
        "xen host lies, index", VRING,
        "(known > (uint16_t)(r->avail_idx - r->used_idx) || known < before, 0)", "(false, 0)"),
    "guest-no-used-length": Fault(
        "xen host lies", GUEST, "(len > q->buf_len || len < (i == 0 ? RTE_ETHER_HDR_LEN : 1))",
        "(len < (i == 0 ? RTE_ETHER_HDR_LEN : 1))"),
    "zero-no-used-length": Fault(
        "xen host lies", ZERO, "\t\tright = right && len > 0 && len <= q->buf_len;",
        "\t\tright = right && len > 0;"),

    # Switch, frames looked at in place and copied once
    "look-no-mac": Fault("switch look", PEEK, "\tif (policy->check_mac &&", "\tif (false &&"),
    "look-no-rate": Fault("switch look", PEEK, "\tif (unlikely(q->policy->limit_rate))",
                          "\tif (false)"),
    "look-no-length": Fault("switch look", PEEK,
                            "\tif (likely(f->len >= RTE_ETHER_HDR_LEN && f->len <= longest))",
                            "\tif (true)"),
    "look-no-features": Fault("switch look, hints", PEEK,
                              "\tif (!host_hdr_taken(q->features, told) || ", "\tif ("),
    "look-guest-words": Fault("switch look, hints", PEEK, "\tf->hdr = checked_hdr(&m, told);",
                              "\tf->hdr = *told;"),
    "put-loses-rest": Fault("switch put", PUT, "\tfor (uint16_t i = 0; i < f->pieces; i++) {\n"
                            "\t\tpvn_netbuf_copy(to,", "\tfor (uint16_t i = 1; i < f->pieces; i++) {\n"
                            "\t\tpvn_netbuf_copy(to,"),
    "put-not-mergeable": Fault("switch put, buffers", PUT,
                               "\tif (room < len || (count > 1 && !q->mergeable)) {",
                               "\tif (room < len) {"),
    "put-no-room": Fault("switch put", PUT, "true, &bufs[i]) ||\n\t\t\t     len > bufs[i].len))",
                         "true, &bufs[i])))"),
    "put-no-shift": Fault("switch put, hints", PUT,
                          "pvn_le16_to_cpu(hdr.csum_start) + out->shift);",
                          "pvn_le16_to_cpu(hdr.csum_start));"),

    # IVSHMEM, what a guest believes of a region
    "region-no-checksum": Fault(
        "ivshmem region", REGION,
        "\tif (pvn_le32_to_cpu(out->checksum) != region_header_sum(out))", "\tif (false)"),
    "region-no-size": Fault("ivshmem region", REGION, "\tif (said != size)", "\tif (false)"),
    "region-no-version": Fault(
        "ivshmem region", REGION, "\tif (pvn_le32_to_cpu(out->version) != IVSHMEM_VERSION)",
        "\tif (false)"),
    "region-table-in-data": Fault(
        "ivshmem region", REGION,
        "data_off < IVSHMEM_OBJECTS_OFF + (uint64_t)max * sizeof(struct ivshmem_object))", "false)"),
    "region-no-stamp": Fault(
        "ivshmem stamp", REGION, "\tif (theirs->word != ours->word) ", "\tif (false) "),
    "region-any-name": Fault(
        "ivshmem region", REGION, "\tif (!name_ends(h->name) || ", "\tif ("),
    "object-no-checksum": Fault(
        "ivshmem region", REGION_GUEST,
        "\tif (pvn_le32_to_cpu(out->checksum) != region_object_sum(out))", "\tif (false)"),
    "object-no-bounds": Fault(
        "ivshmem region", REGION, "len == 0 || len > size - off)", "len == 0)"),
    "object-before-data": Fault("ivshmem region", REGION, "\tif (off < data_off || ", "\tif ("),
    "object-twice": Fault(
        "ivshmem region", REGION_HOST,
        "\tif (pvn_ivshmem_host_find(h, pvn_le32_to_cpu(o->type), o->name) >= 0)", "\tif (false)"),
    "object-stays": Fault(
        "ivshmem region", REGION_HOST,
        "\tSTORE_RELEASE(&region_objects(h->mem)[i].type, IVSHMEM_FREE);\n", ""),

    # IVSHMEM, who is there
    "host-revives": Fault(
        "ivshmem given up", REGION_HOST, "seen->present && seen->attachment == h->gone", "false"),
    "host-tells-no-gone": Fault(
        "ivshmem given up", REGION_HOST,
        "\tSTORE_RELEASE(&region_host_page(h->mem)->gone, pvn_cpu_to_le64(h->gone));\n", ""),
    "host-waits-for-nobody": Fault(
        "ivshmem region", REGION_HOST, "\treturn state == IVSHMEM_PRESENT &&\n",
        "\treturn state != state &&\n"),
    "host-half-attached": Fault(
        "ivshmem region", REGION_HOST, "\tif (seen->attachment != h->attachment)\n",
        "\tif (false)\n"),
    "guest-keeps-lost-place": Fault(
        "ivshmem region", REGION_GUEST, "\tif (g->attachment != 0 &&\n\t    pvn_le64",
        "\tif (g->attachment == 0 &&\n\t    pvn_le64"),
    "guest-attaches-to-nobody": Fault(
        "ivshmem region", REGION_GUEST, "\tif (generation != g->generation)", "\tif (false)"),

    # IVSHMEM, what is exported, and found
    "export-from-elsewhere": Fault(
        "ivshmem export", SHARE_OBJECTS, "\treturn share_has(s, addr, len) || ", "\treturn true || "),
    "export-foreign-elements": Fault(
        "ivshmem export", SHARE_OBJECTS, "\treturn !c.outside;", "\treturn true;"),
    "export-lcore-caches": Fault(
        "ivshmem export", SHARE_OBJECTS, "\tif (mp->cache_size != 0)", "\tif (false)"),
    "export-then-free": Fault(
        "ivshmem export", SHARE_OBJECTS, "\tr->memzone = NULL;\n", ""),
    "find-any-stamp": Fault("ivshmem find", ATTACH, "\treturn ret < 0 ? ret : 1;", "\treturn 1;"),
    "find-refused-late": Fault(
        "ivshmem find", ATTACH, "\tif (ret == 0)\n\t\tret = check_stamp(&header.stamp);\n", ""),
    "find-any-operations": Fault(
        "ivshmem find", ATTACH_OBJECTS, "\telse if (!same_ops(to, index))", "\telse if (false)"),
    "find-what-is-gone": Fault(
        "ivshmem find", ATTACH_OBJECTS, "\tif (to->entry != NULL)\n\t\tdelist(to);\n", ""),
    "heap-any-file": Fault(
        "ivshmem whole heap", ATTACH_HEAP, "\tif (p->size < h->bytes)", "\tif (false)"),
    "heap-no-mark": Fault(
        "ivshmem whole heap", ATTACH_HEAP, "pvn_le64_to_cpu(LOAD_ONCE(mark)) == h->mark", "true"),
    "heap-not-looked-for": Fault(
        "ivshmem whole heap, VM", IVSHMEM_SHARE, "\t\tivshmem_find_each(find_heap, r);",
        "\t\t(void)find_heap;"),
    "removed-untold": Fault(
        "ivshmem net, removed", IVSHMEM_CONN,
        "\tnewly = pvn_ivshmem_hub_broken(dev->hub) && !dev->removed;", "\tnewly = false;"),
    "heap-no-prefix": Fault(
        "ivshmem whole heap", SHARE_WHOLE, "off < s->whole_bytes && len <= s->whole_bytes - off",
        "off + len > off"),
    "heap-any-address": Fault(
        "ivshmem whole heap", SHARE_WHOLE,
        "(h->base >= EAL_BASE_FROM && h->base < EAL_BASE_TO) || h->base >= KERNEL_BASE", "false"),

    # IVSHMEM, links
    "link-back-unlent": Fault(
        "ivshmem link", LINK_HOST, "(line >= v->lines || v->ledger[line] != LENT)",
        "(line >= v->lines)"),
    "link-back-no-bounds": Fault(
        "ivshmem link", LINK_HOST, "(line >= v->lines || v->ledger[line] != LENT)",
        "(v->ledger[line] != LENT)"),
    "link-back-unnoted": Fault(
        "ivshmem link, deaths", LINK_HOST, "\tv->ledger[line] = HOME;\n", ""),
    "link-lends-anything": Fault(
        "ivshmem link", LINK_HOST, "\tif (unlikely(v->ledger[*line] != HOME))", "\tif (false)"),
    "link-lends-any-address": Fault(
        "ivshmem link", LINK_HOST,
        "(off % IVSHMEM_LINK_LINE != 0 || off / IVSHMEM_LINK_LINE >= v->lines)",
        "(off / IVSHMEM_LINK_LINE >= v->lines)"),
    "link-lends-unnoted": Fault(
        "ivshmem link, both ends", LINK_HOST, "\tv->ledger[*line] = LENT;\n", ""),
    "link-reclaims-none": Fault(
        "ivshmem link, both ends", LINK_HOST, "\tn = reclaim(l);\n", "\tn = 0;\n"),
    "link-reclaims-dirty": Fault(
        "ivshmem link", LINK_HOST, "\tif (l->mbufs)\n", "\tif (false)\n"),
    "link-no-turn": Fault(
        "ivshmem link, both ends", LINK_HOST, "\tif (unlikely(attachment != l->attachment))\n",
        "\tif (false)\n"),
    "link-keeps-indices": Fault(
        "ivshmem link, deaths", LINK_HOST,
        "\tl->tail = l->head = l->known_head = l->known_tail = 0;\n", ""),
    "link-stays-broken": Fault("ivshmem link", LINK_HOST, "\tl->broken = false;\n", ""),
    "link-no-given-check": Fault(
        "ivshmem link", LINK_HOST, "\t\tif (unlikely(ready > l->mask + 1))\n", "\t\tif (false)\n"),
    "link-no-taken-check": Fault(
        "ivshmem link", LINK_HOST, "\t\tif (unlikely(room > size))\n", "\t\tif (false)\n"),
    "link-not-its-turn": Fault(
        "ivshmem link", LINK_GUEST,
        "\treturn pvn_le64_to_cpu(LOAD_ACQUIRE(&l->shared->attachment)) == l->attachment;",
        "\treturn l->attachment != 0;"),

    # IVSHMEM, the server
    "server-tells-no-end": Fault(
        "ivshmem server", SERVER_CLIENT, "\t\tif (send_message(s, c, told->number, -1) == 0)",
        "\t\tif (false)"),
    "server-old-number": Fault(
        "ivshmem server", SERVER_CLIENT, "\twhile (number_taken(s, s->last_number));",
        "\twhile (false);"),
    "server-two-hosts": Fault(
        "ivshmem server", SERVER_CLIENT, "\t\treturn s->clients[0] == NULL ? 0 : SERVER_PLACES;",
        "\t\treturn 0;"),
    "server-listens": Fault(
        "ivshmem server", SERVER_CLIENT, "\t\tif (n >= 0 || (errno", "\t\tif (n == 0 || (errno"),
    "server-host-stays": Fault(
        "ivshmem server", SERVER_CLIENT, "\t\t\tserver_host_absent(s);", "\t\t\t(void)0;"),
    "server-any-memory": Fault(
        "ivshmem server", SERVER_MEMORY, "\t    pvn_le64_to_cpu(magic) != IVSHMEM_MAGIC)",
        "\t    false)"),
    "server-no-seals": Fault(
        "ivshmem server, memory", SERVER_MEMORY,
        "\t(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);\n", ""),
    "server-any-file-size": Fault(
        "ivshmem server, refused", SERVER_MEMORY,
        "\tif (S_ISREG(st.st_mode) && (uint64_t)st.st_size == cfg->size)",
        "\tif (S_ISREG(st.st_mode))"),
    "server-any-size": Fault(
        "ivshmem server, refused", REGION, "size <= IVSHMEM_SIZE_MAX && (size & (size - 1)) == 0)",
        "size <= IVSHMEM_SIZE_MAX)"),

    # IVSHMEM, what a peer believes of a server
    "peer-any-version": Fault(
        "ivshmem peer", PEER_SOCKET, "\tif (value != IVSHMEM_SERVER_VERSION || fd >= 0)",
        "\tif (fd >= 0)"),
    "peer-any-number": Fault(
        "ivshmem peer", PEER_SOCKET, "\tif (value < 0 || value > IVSHMEM_PEER_MAX)\n",
        "\tif (value < 0)\n"),
    "peer-any-bell": Fault(
        "ivshmem peer", PEER_SOCKET, "\tif (!peer_is_bell(bell))", "\tif (false)"),
    "peer-endless-bells": Fault(
        "ivshmem peer", PEER_BELLS, "\t\tclose(bell); /* more than we can count */",
        "\t\t(void)bell;"),
}
