using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.DevPlane.Tests;

[TestFixture]
public sealed class LogTests
{
    private const string Maps = "/configmaps";

    [Test]
    public async Task A_log_cut_at_any_byte_opens_with_exactly_the_records_that_were_complete()
    {
        using var folder = new TempFolder();
        var sizes = new List<(long End, ulong Version)>();
        using (var store = Open(folder))
        {
            for (var i = 0; i < 5; i++)
            {
                var written = await store.WriteAsync(Maps, "n/a", i == 0 ? 0 : sizes[^1].Version, Map("a", new string('x', i * 40)), delete: false);
                sizes.Add((new FileInfo(LogPath(folder)).Length, written!.Version));
            }
        }

        var whole = await File.ReadAllBytesAsync(LogPath(folder));
        for (var cut = (int)sizes[2].End; cut < whole.Length; cut++)
        {
            await File.WriteAllBytesAsync(LogPath(folder), whole[..cut]);
            using var store = Open(folder);
            var expected = sizes.Last(s => s.End <= cut).Version;
            Assert.That(store.Get(Maps, "n/a")!.Version, Is.EqualTo(expected), $"cut at {cut}");
            Assert.That(store.Version, Is.EqualTo(expected), $"cut at {cut}");
        }
    }

    [Test]
    public async Task A_store_goes_on_after_a_torn_tail()
    {
        using var folder = new TempFolder();
        await FillAsync(folder, 3);
        var whole = await File.ReadAllBytesAsync(LogPath(folder));
        await File.WriteAllBytesAsync(LogPath(folder), whole[..^3]);
        using (var store = Open(folder)) Assert.That(await store.WriteAsync(Maps, "n/new", 0, Map("new", ""), delete: false), Is.Not.Null);
        using var again = Open(folder);
        Assert.Multiple(() =>
        {
            Assert.That(again.Get(Maps, "n/new"), Is.Not.Null);
            Assert.That(again.Get(Maps, "n/2"), Is.Null);
        });
    }

    [Test]
    public async Task A_flipped_bit_anywhere_in_the_records_stops_the_start_and_names_file_and_offset()
    {
        using var folder = new TempFolder();
        await FillAsync(folder, 4);
        var whole = await File.ReadAllBytesAsync(LogPath(folder));
        for (var at = 0; at < whole.Length; at++)
        {
            var broken = (byte[])whole.Clone();
            broken[at] ^= (byte)(1 << (at % 8));
            await File.WriteAllBytesAsync(LogPath(folder), broken);
            var error = Assert.Throws<PlaneStateException>(() => Open(folder).Dispose(), $"flip at {at}");
            Assert.That(error!.Message, Does.Contain(LogPath(folder)).And.Contain("offset"));
        }

        // The folder isn't left locked by the failed starts.
        await File.WriteAllBytesAsync(LogPath(folder), whole);
        using var store = Open(folder);
        Assert.That(store.Get(Maps, "n/3"), Is.Not.Null);
    }

    [Test]
    public async Task A_tail_of_unwritten_blocks_counts_as_torn()
    {
        using var folder = new TempFolder();
        await FillAsync(folder, 2);
        var whole = await File.ReadAllBytesAsync(LogPath(folder));
        await File.WriteAllBytesAsync(LogPath(folder), [.. whole, .. new byte[4096]]);
        using var store = Open(folder);
        Assert.That(store.Get(Maps, "n/1"), Is.Not.Null);
    }

    [Test]
    public async Task A_second_process_is_refused_while_the_folder_is_in_use()
    {
        using var folder = new TempFolder();
        await FillAsync(folder, 1);
        using var store = Open(folder);
        Assert.That(() => Open(folder), Throws.InstanceOf<IOException>().With.Message.Contains("in use"));
    }

    [Test]
    public async Task Versions_go_on_after_a_restart_also_when_the_newest_object_was_deleted()
    {
        using var folder = new TempFolder();
        ulong last;
        using (var store = Open(folder))
        {
            var made = await store.WriteAsync(Maps, "n/a", 0, Map("a", ""), delete: false);
            var gone = await store.WriteAsync(Maps, "n/a", made!.Version, Map("a", ""), delete: true);
            last = gone!.Version;
        }

        using var again = Open(folder);
        var next = await again.WriteAsync(Maps, "n/b", 0, Map("b", ""), delete: false);
        Assert.Multiple(() =>
        {
            Assert.That(again.Get(Maps, "n/a"), Is.Null);
            Assert.That(next!.Version, Is.GreaterThan(last));
        });
    }

    [Test]
    public async Task Watches_resume_over_a_restart_and_compaction_makes_older_versions_unknown()
    {
        using var folder = new TempFolder();
        ulong first;
        using (var store = Open(folder))
        {
            first = (await store.WriteAsync(Maps, "n/a", 0, Map("a", ""), delete: false))!.Version;
            await store.WriteAsync(Maps, "n/b", 0, Map("b", ""), delete: false);
        }

        using (var store = Open(folder))
        {
            var missed = store.Watch(Maps, first, new Watcher(8));
            Assert.That(missed!.Select(c => c.Value.Name), Is.EqualTo(new[] { "b" }));
        }

        // Enough rewriting of one large object that the log is compacted.
        using (var store = Open(folder))
        {
            var version = 0UL;
            var text = new string('x', 1 << 20);
            for (var i = 0; i < 20; i++) version = (await store.WriteAsync(Maps, "n/big", version, Map("big", text), delete: false))!.Version;
        }

        Assert.That(new FileInfo(LogPath(folder)).Length, Is.LessThan(16 << 20));
        using var last = Open(folder);
        Assert.Multiple(() =>
        {
            Assert.That(last.Watch(Maps, first, new Watcher(8)), Is.Null);
            Assert.That(last.Get(Maps, "n/a")!.Version, Is.EqualTo(first));
            Assert.That(last.Get(Maps, "n/big"), Is.Not.Null);
        });
    }

    [Test]
    public async Task Concurrent_writers_of_one_object_each_win_once_per_version_and_share_flushes()
    {
        using var folder = new TempFolder();
        using var store = Open(folder);
        await store.WriteAsync(Maps, "n/a", 0, Count(0), delete: false);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (var done = 0; done < 25;)
            {
                var now = store.GetLatest(Maps, "n/a")!;
                var value = now.Parse();
                value["count"] = (long)value["count"]! + 1;
                if (await store.WriteAsync(Maps, "n/a", now.Version, value, delete: false) is not null) done++;
            }
        })));
        Assert.That((long)store.Get(Maps, "n/a")!.Parse()["count"]!, Is.EqualTo(200));
    }

    [Test]
    public async Task A_slow_watcher_is_ended_and_keeps_what_it_got()
    {
        using var store = new ObjectStore(null, NullLogger.Instance);
        var watcher = new Watcher(2);
        store.WatchFromNow(Maps, watcher);
        for (var i = 0; i < 4; i++) await store.WriteAsync(Maps, $"n/{i}", 0, Map($"{i}", ""), delete: false);
        var got = new List<string>();
        await foreach (var change in watcher.Changes.ReadAllAsync()) got.Add(change.Value.Name);
        Assert.That(got, Is.EqualTo(new[] { "0", "1" }));
    }

    [Test]
    public async Task History_is_bounded()
    {
        using var store = new ObjectStore(null, NullLogger.Instance, historyLimit: 3);
        for (var i = 0; i < 6; i++) await store.WriteAsync(Maps, $"n/{i}", 0, Map($"{i}", ""), delete: false);
        Assert.Multiple(() =>
        {
            Assert.That(store.Watch(Maps, 2, new Watcher(8)), Is.Null);
            Assert.That(store.Watch(Maps, 3, new Watcher(8))!.Select(c => c.Version), Is.EqualTo(new ulong[] { 4, 5, 6 }));
        });
    }

    private static ObjectStore Open(TempFolder folder) => new(folder.Path, NullLogger.Instance);

    private static string LogPath(TempFolder folder) => folder.File(LogFile.FileName);

    private static async Task FillAsync(TempFolder folder, int count)
    {
        using var store = Open(folder);
        for (var i = 0; i < count; i++) await store.WriteAsync(Maps, $"n/{i}", 0, Map($"{i}", "some data"), delete: false);
    }

    private static JsonObject Map(string name, string data) => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "n", ["uid"] = "u-" + name },
        ["data"] = new JsonObject { ["a"] = data },
    };

    private static JsonObject Count(long count)
    {
        var value = Map("a", "");
        value["count"] = count;
        return value;
    }
}
