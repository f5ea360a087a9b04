using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;

namespace Datum.Providers.DevPlane.Tests;

/// <summary>A disk that has no room, or whose flush or rename fails: what was answered stays, what wasn't is told, and the rest goes on.</summary>
[TestFixture]
public sealed class FullDiskTests
{
    private const string Maps = "/configmaps";
    private const int NoSpace = 28;

    [Test]
    public async Task A_full_disk_refuses_writes_until_there_is_room_and_loses_nothing_that_was_answered()
    {
        using var folder = new TempFolder();
        var disk = new SpoiledDisk();
        var log = new Lines();
        ulong version;
        using (var store = new ObjectStore(folder.Path, log, disk: disk))
        {
            version = (await store.WriteAsync(Maps, "n/a", 0, Map("a", "one"), delete: false))!.Version;
            disk.Room = 10;
            for (var i = 0; i < 3; i++)
                Assert.That(() => store.WriteAsync(Maps, "n/a", version, Map("a", "two"), delete: false),
                    Throws.InstanceOf<ApiError>().With.Message.Contains(folder.Path).And.Message.Contains("is full").And.Message.Contains("make room"));
            Assert.That((string?)store.GetLatest(Maps, "n/a")!.Parse()["data"], Is.EqualTo("one"), "reads go on, and nobody sees what wasn't stored");
            Assert.That(store.WatchFromNow(Maps, new Watcher(4)).Items, Has.Count.EqualTo(1), "watches go on");

            disk.Room = null;
            version = (await store.WriteAsync(Maps, "n/a", version, Map("a", "three"), delete: false))!.Version;
            await store.WriteAsync(Maps, "n/b", 0, Map("b", ""), delete: false);
        }

        Assert.That(log.Ids, Is.EqualTo(new[] { 4, 5 }), "told once, and once more when it was over");
        using var again = new ObjectStore(folder.Path, log);
        Assert.Multiple(() =>
        {
            Assert.That((string?)again.Get(Maps, "n/a")!.Parse()["data"], Is.EqualTo("three"));
            Assert.That(again.Get(Maps, "n/a")!.Version, Is.EqualTo(version));
            Assert.That(again.Get(Maps, "n/b"), Is.Not.Null);
            Assert.That(log.Ids, Is.EqualTo(new[] { 4, 5 }), "nothing torn was left in the file");
        });
    }

    [Test]
    public async Task Writes_that_wait_behind_one_that_finds_the_disk_full_are_refused_with_it()
    {
        using var folder = new TempFolder();
        var disk = new SpoiledDisk { Room = 0 };
        using var store = new ObjectStore(folder.Path, NullLogger.Instance, disk: disk);
        var writes = Enumerable.Range(0, 20).Select(i => Task.Run(() => store.WriteAsync(Maps, $"n/{i % 4}", 0, Map($"{i % 4}", ""), delete: false))).ToList();
        var outcomes = await Task.WhenAll(writes.Select(async w =>
        {
            try
            {
                return await w is null ? "taken" : "stored";
            }
            catch (ApiError)
            {
                return "refused";
            }
        }));
        Assert.That(outcomes, Has.None.EqualTo("stored").And.Some.EqualTo("refused"));

        disk.Room = null;
        for (var i = 0; i < 4; i++)
            Assert.That(await store.WriteAsync(Maps, $"n/{i}", 0, Map($"{i}", ""), delete: false), Is.Not.Null, "no name stays taken by a write that was refused");
    }

    [Test]
    public async Task After_a_flush_that_failed_nothing_is_written_until_a_restart()
    {
        using var folder = new TempFolder();
        var disk = new SpoiledDisk();
        var log = new Lines();
        using (var store = new ObjectStore(folder.Path, log, disk: disk))
        {
            await store.WriteAsync(Maps, "n/a", 0, Map("a", ""), delete: false);
            disk.FlushFails = true;
            Assert.That(() => store.WriteAsync(Maps, "n/b", 0, Map("b", ""), delete: false), Throws.InstanceOf<ApiError>().With.Message.Contains("durable"));
            disk.FlushFails = false;
            Assert.That(() => store.WriteAsync(Maps, "n/c", 0, Map("c", ""), delete: false), Throws.InstanceOf<ApiError>().With.Message.Contains("failed earlier"));
            Assert.That(store.Get(Maps, "n/a"), Is.Not.Null, "reads go on");
        }

        Assert.That(log.Ids, Does.Contain(2));
        using var again = new ObjectStore(folder.Path, NullLogger.Instance);
        Assert.That(again.Get(Maps, "n/a"), Is.Not.Null);
        Assert.That(await again.WriteAsync(Maps, "n/c", 0, Map("c", ""), delete: false), Is.Not.Null);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_compaction_without_room_or_whose_rename_fails_leaves_the_log_in_use(bool rename)
    {
        using var folder = new TempFolder();
        var disk = new SpoiledDisk();
        var log = new Lines();
        var version = 0UL;
        using (var store = new ObjectStore(folder.Path, log, disk: disk))
        {
            (disk.RenameFails, disk.NewFails) = (rename, !rename);
            var text = new string('x', 1 << 20);
            for (var i = 0; i < 14; i++) version = (await store.WriteAsync(Maps, "n/big", version, Map("big", text), delete: false))!.Version;
            await Eventually.HoldsAsync(() => Task.FromResult(log.Ids.Contains(6)), "the failure is told");
            Assert.That(log.Ids.Count(i => i == 6), Is.EqualTo(1), "not with every write");
            Assert.That(File.Exists(folder.File(LogFile.FileName + ".new")), Is.False);

            (disk.RenameFails, disk.NewFails) = (false, false);
            for (var i = 0; i < 14; i++) version = (await store.WriteAsync(Maps, "n/big", version, Map("big", text), delete: false))!.Version;
            await Eventually.HoldsAsync(() => Task.FromResult(log.Ids.Contains(3)), "it is compacted later");
        }

        using var again = new ObjectStore(folder.Path, NullLogger.Instance);
        Assert.That(again.Get(Maps, "n/big")!.Version, Is.EqualTo(version));
    }

    [Test]
    public async Task A_real_file_system_without_room_refuses_writes_and_takes_them_again_when_there_is_some()
    {
        using var mount = SmallMount.Make("size=128k");
        var state = Path.Combine(mount.Path, "state");
        var ballast = Path.Combine(mount.Path, "ballast");
        var stored = new List<string>();
        using (var store = new ObjectStore(state, NullLogger.Instance))
        {
            await File.WriteAllBytesAsync(ballast, new byte[48 << 10]);
            var refused = false;
            for (var i = 0; i < 100 && !refused; i++)
            {
                try
                {
                    await store.WriteAsync(Maps, $"n/{i}", 0, Map($"{i}", new string('x', 5000)), delete: false);
                    stored.Add($"n/{i}");
                }
                catch (ApiError e)
                {
                    Assert.That(e.Message, Does.Contain("is full").And.Contain(state));
                    refused = true;
                }
            }

            Assert.That(refused, Is.True);
            File.Delete(ballast);
            Assert.That(await store.WriteAsync(Maps, "n/after", 0, Map("after", ""), delete: false), Is.Not.Null);
        }

        using var again = new ObjectStore(state, NullLogger.Instance);
        Assert.That(again.Snapshot(Maps).Items.Keys, Is.EquivalentTo(stored.Append("n/after")));
    }

    [Test]
    public void A_state_folder_on_a_full_disk_is_refused_at_start_with_what_to_do()
    {
        using var mount = SmallMount.Make("size=16k");
        try
        {
            File.WriteAllBytes(Path.Combine(mount.Path, "ballast"), new byte[32 << 10]);
        }
        catch (IOException e)
        {
            TestContext.Out.WriteLine($"full: {e.Message}");
        }

        Assert.That(() => new ObjectStore(Path.Combine(mount.Path, "state"), NullLogger.Instance).Dispose(),
            Throws.InstanceOf<IOException>().With.Message.Contains("state").And.Message.Contains("full"));
    }

    [Test]
    public void A_state_folder_that_cant_be_written_to_is_refused_at_start_with_what_to_do()
    {
        using var mount = SmallMount.Make("ro");
        Assert.That(() => new ObjectStore(Path.Combine(mount.Path, "state"), NullLogger.Instance).Dispose(),
            Throws.InstanceOf<IOException>().With.Message.Contains("can't be written to").And.Message.Contains("--state"));
    }

    private static JsonObject Map(string name, string data) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "ConfigMap", ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "n" }, ["data"] = data,
    };

    /// <summary>The real disk until it is told otherwise.</summary>
    private sealed class SpoiledDisk : LogDisk
    {
        /// <summary>Bytes that a write finds room for; null for enough.</summary>
        public int? Room { get; set; }

        public bool FlushFails { get; set; }
        public bool NewFails { get; set; }
        public bool RenameFails { get; set; }

        public override void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> parts, long at)
        {
            if (Room is not { } room)
            {
                base.Write(file, parts, at);
                return;
            }

            // As much as there is room for does reach the file.
            var all = parts.SelectMany(p => p.ToArray()).Take(room).ToArray();
            base.Write(file, [all], at);
            throw Full();
        }

        public override void Flush(SafeFileHandle file)
        {
            if (FlushFails) throw Full();
            base.Flush(file);
        }

        public override void WriteNew(string path, byte[] header, IEnumerable<byte[]> records)
        {
            if (!NewFails)
            {
                base.WriteNew(path, header, records);
                return;
            }

            base.WriteNew(path, header, []);
            throw Full();
        }

        public override void Rename(string from, string to)
        {
            if (RenameFails) throw Full();
            base.Rename(from, to);
        }

        private static IOException Full() => new("No space left on device", NoSpace);
    }

    private sealed class Lines : ILogger
    {
        private readonly ConcurrentQueue<int> ids = new();

        public IReadOnlyList<int> Ids => [.. ids];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => ids.Enqueue(eventId.Id);
    }

    /// <summary>A file system of its own in memory; needs root.</summary>
    private sealed class SmallMount : IDisposable
    {
        private SmallMount(string path) => Path = path;

        public string Path { get; }

        public static SmallMount Make(string options)
        {
            var path = Directory.CreateTempSubdirectory("datum-small-").FullName;
            if (Run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path) is { Length: > 0 } error)
            {
                Directory.Delete(path);
                Assert.Ignore($"A small file system can't be mounted here (needs root): {error}");
            }

            return new SmallMount(path);
        }

        public void Dispose()
        {
            var error = Run("umount", Path);
            Assert.That(error, Is.Empty, $"{Path} stays mounted");
            Directory.Delete(Path);
        }

        private static string Run(string program, params string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? "" : error.Length > 0 ? error : $"exit code {process.ExitCode}";
        }
    }
}
