using Datum.Providers.Host.Loader;
using Datum.Providers.Host.Tests.Cli;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>When crashes keep a driver out, and what a record that is broken does.</summary>
public sealed class CrashBookTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private ScratchFolder _scratch = null!;
    private CrashFiles _files = null!;
    private LogLines _log = null!;

    [SetUp]
    public void SetUp()
    {
        _log = new LogLines();
        _files = new CrashFiles((_scratch = new ScratchFolder()).Path);
    }

    [TearDown]
    public void TearDown()
    {
        _scratch.Dispose();
        _log.Dispose();
    }

    [TestCase(new[] { 0 }, 1, false, TestName = "One_crash_keeps_nobody_out")]
    [TestCase(new[] { 0, 10 }, 11, true, TestName = "Two_crashes_in_ten_minutes_do")]
    [TestCase(new[] { 0, 11 }, 12, false, TestName = "Two_crashes_further_apart_dont")]
    [TestCase(new[] { 0, 10 }, 70, true, TestName = "An_hour_after_the_last_one_it_is_still_out")]
    [TestCase(new[] { 0, 10 }, 71, false, TestName = "Then_it_gets_another_try")]
    [TestCase(new[] { 0, 5, 40 }, 45, true, TestName = "A_later_single_crash_takes_nothing_back")]
    [TestCase(new[] { 0, 5 }, -30, true, TestName = "A_clock_that_was_set_back_forgives_nothing")]
    public void Counting(int[] minutes, int now, bool isOut)
    {
        _files.Write([.. minutes.Select((m, i) => Crash("a", Noon.AddMinutes(m), i))]);
        using var book = Open(Noon.AddMinutes(now));
        Assert.That(book.WhyNot(Manifest("a")) is not null, Is.EqualTo(isOut));
        Assert.That(book.WhyNot(Manifest("b")), Is.Null);
    }

    [Test]
    public void Another_build_starts_afresh()
    {
        _files.Write([Crash("a", Noon, 1), Crash("a", Noon, 2)]);
        using var book = Open(Noon);
        Assert.That(book.WhyNot(Manifest("a")), Does.Contain("at 2026-01-01T12:00:00Z (Fatal: something)").And.Contain($"drivers forgive a --state {_scratch.Path}").And.Contain("2026-01-01T13:00:00Z"));
        Assert.That(book.WhyNot(Manifest("a", "1.2.4")), Is.Null);
    }

    [Test]
    public void A_process_is_counted_once()
    {
        Assert.That(_files.Add(Crash("a", Noon, 1)), Is.True);
        Assert.That(_files.Add(Crash("a", Noon.AddSeconds(3), 1)), Is.False, "the handler told of it before the report did");
        Assert.That(_files.Add(Crash("a", Noon, 1) with { Started = Noon.AddSeconds(1) }), Is.True, "a container's processes all have one id");
    }

    [TestCase("")]
    [TestCase("{")]
    [TestCase("null")]
    [TestCase("""{"formatVersion":9,"crashes":[]}""")]
    [TestCase("""{"formatVersion":1,"crashes":[{"driver":"a"}]}""")]
    public void A_record_that_cannot_be_read_is_ignored_with_a_warning(string text)
    {
        Directory.CreateDirectory(_files.Folder);
        File.WriteAllText(_files.RecordPath, text);
        File.WriteAllText(_files.ModulesPath, text);
        File.WriteAllText(Path.Combine(_files.Folder, "crash.1.2.crashreport.json"), text);
        using var book = Open(Noon);
        Assert.That(book.WhyNot(Manifest("a")), Is.Null);
        Assert.That(_log.Lines.Select(l => l.Id), Does.Contain(1207));
        book.Begin([]);
        book.Add("a", CrashKind.Exit, "it works on");
        Assert.That(_files.ReadCrashes().Single().What, Is.EqualTo("it works on"));
    }

    [Test]
    public void The_record_stays_small()
    {
        for (var i = 0; i < 100; i++)
            _files.Add(Crash("a", Noon.AddMinutes(i), i));
        Assert.That(_files.ReadCrashes(), Has.Count.EqualTo(64));
        Assert.That(_files.ReadCrashes()[^1].At, Is.EqualTo(Noon.AddMinutes(99)));
    }

    [Test]
    public void Two_processes_cannot_share_a_state_folder()
    {
        using var first = Open(Noon);
        Assert.That(() => Open(Noon), Throws.InstanceOf<IOException>().With.Message.Contain("Each host process needs one of its own"));
    }

    [Test]
    public void A_report_of_another_process_or_of_an_earlier_time_is_not_the_hosts()
    {
        using (var book = Open(DateTimeOffset.UtcNow))
            book.Begin([]);
        foreach (var (pid, age) in new[] { (Environment.ProcessId + 1, 0), (Environment.ProcessId, 60) })
        {
            var path = Path.Combine(_files.Folder, $"crash.{pid}.7.crashreport.json");
            // Were it looked at, it would be said to be no report.
            File.WriteAllText(path, "no report");
            File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddMinutes(-age));
        }

        using (Open(DateTimeOffset.UtcNow))
            Assert.That(_log.Lines, Is.Empty);
    }

    private CrashBook Open(DateTimeOffset now) => CrashBook.Open(_scratch.Path, new FixedTime(now), _log);

    private static DriverCrash Crash(string driver, DateTimeOffset at, int process) => new()
    {
        Driver = driver, Version = "1.2.3", Digest = Manifest(driver).Digest, At = at, Kind = CrashKind.Fatal, What = "something", Process = process, Started = Noon,
    };

    private static DriverManifest Manifest(string id, string version = "1.2.3") => DriverManifest.Parse(System.Text.Encoding.UTF8.GetBytes($$"""
        { "formatVersion": 1, "id": "{{id}}", "version": "{{version}}", "contract": { "min": "1.0", "max": "1" }, "locationKey": "k", "entryAssembly": "A.dll",
          "entryType": "A.B", "targetFramework": "net10.0", "files": { "A.dll": "{{new string('0', 64)}}" } }
        """));

    private sealed class FixedTime(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;
    }
}
