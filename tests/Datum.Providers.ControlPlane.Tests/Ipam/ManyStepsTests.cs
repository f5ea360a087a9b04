using Datum.Providers.ControlPlane.Ipam;

namespace Datum.Providers.ControlPlane.Tests.Ipam;

/// <summary>A million random steps of the allocator beside an oracle that knows nothing but a map of the smallest pieces.</summary>
public sealed class ManyStepsTests
{
    private const int Steps = 1_000_000;

    /// <summary>The longest prefix that is asked for: the oracle's pieces.</summary>
    private const int Piece = 30;

    private sealed record Pool(string Network, IpFamily Family, IpPrefix[] Ranges)
    {
        public List<TakenPrefix> Taken { get; } = [];

        /// <summary>For each range whether each piece of it is in use.</summary>
        public bool[][] Pieces { get; } = [.. Ranges.Select(r => new bool[1 << (PieceLength(r.Family) - r.Length)])];

        public static int PieceLength(IpFamily family) => family == IpFamily.IPv4 ? Piece : Piece + 34;
    }

    [Test]
    public void A_million_allocations_and_releases_never_overlap_and_find_what_is_free()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("DATUM_SEED"), out var given) ? given : Environment.TickCount;
        TestContext.Out.WriteLine($"DATUM_SEED={seed}");
        var random = new Random(seed);
        Pool[] pools =
        [
            new("four", IpFamily.IPv4, [P("172.16.0.0/24")]),
            new("two ranges", IpFamily.IPv4, [P("192.168.8.0/25"), P("192.168.200.0/26")]),
            new("six", IpFamily.IPv6, [P("fd20:1:2:ff00::/58")]),
        ];
        var (allocated, refused, released) = (0, 0, 0);
        for (var step = 0; step < Steps; step++)
        {
            var pool = pools[random.Next(pools.Length)];
            // Phases of growing and of shrinking, so that full and empty are both met.
            if (pool.Taken.Count > 0 && random.Next(100) < ((step / 5000) % 2 == 0 ? 35 : 60))
            {
                var index = random.Next(pool.Taken.Count);
                Mark(pool, pool.Taken[index].Prefix, false);
                pool.Taken[index] = pool.Taken[^1];
                pool.Taken.RemoveAt(pool.Taken.Count - 1);
                released++;
                continue;
            }

            var length = Pool.PieceLength(pool.Family) - random.Next(5);
            var answer = PrefixAllocator.Allocate(
                new PrefixRequest { Network = pool.Network, Family = pool.Family, Ranges = [.. pool.Ranges.Select(r => r.ToString())], PrefixLength = length }, pool.Taken);
            var free = FirstFree(pool, length);
            if (answer.Prefix != free)
                Assert.Fail($"DATUM_SEED={seed}, step {step}, {pool.Network}: {answer.Prefix?.ToString() ?? answer.Message} instead of {free?.ToString() ?? "a refusal"}");
            if (answer.Prefix is not { } prefix)
            {
                refused++;
                continue;
            }

            Mark(pool, prefix, true);
            pool.Taken.Add(new TakenPrefix(pool.Network, prefix));
            allocated++;
        }

        TestContext.Out.WriteLine($"{allocated} allocated, {refused} refused, {released} released");
        Assert.That(new[] { allocated, refused, released }, Has.All.GreaterThan(Steps / 50));
    }

    private static IpPrefix? FirstFree(Pool pool, int length)
    {
        for (var r = 0; r < pool.Ranges.Length; r++)
        {
            var size = 1 << (Pool.PieceLength(pool.Family) - length);
            var pieces = pool.Pieces[r];
            for (var at = 0; at + size <= pieces.Length; at += size)
            {
                if (!pieces.AsSpan(at, size).Contains(true))
                    return IpPrefix.Of(pool.Family, pool.Ranges[r].Start + ((UInt128)at << (IpPrefix.Bits(pool.Family) - Pool.PieceLength(pool.Family))), length);
            }
        }

        return null;
    }

    private static void Mark(Pool pool, IpPrefix prefix, bool used)
    {
        var r = Array.FindIndex(pool.Ranges, range => range.Contains(prefix));
        var at = (int)((prefix.Start - pool.Ranges[r].Start) >> (IpPrefix.Bits(pool.Family) - Pool.PieceLength(pool.Family)));
        for (var i = at; i < at + (1 << (Pool.PieceLength(pool.Family) - prefix.Length)); i++)
        {
            if (pool.Pieces[r][i] == used)
                throw new InvalidOperationException($"{prefix} of {pool.Network} overlaps");
            pool.Pieces[r][i] = used;
        }
    }

    private static IpPrefix P(string text) => IpPrefix.TryParse(text, out var prefix, out var error) ? prefix : throw new ArgumentException(error);
}
