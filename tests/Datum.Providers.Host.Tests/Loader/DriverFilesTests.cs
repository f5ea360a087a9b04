using System.Diagnostics;
using System.Net.Sockets;
using Datum.Providers.Host.Loader;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>Odd things in a driver's folder. None may hang the start or take the others down (law L9).</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class DriverFilesTests
{
    private TestVolume _volume = null!;

    [SetUp]
    public void SetUp()
    {
        _volume = new TestVolume();
        _volume.Add("plain");
    }

    [TearDown]
    public void TearDown() => _volume.Dispose();

    [TestCase("listed.bin", true)]
    [TestCase("unlisted.bin", false)]
    [TestCase("driver.json", false)]
    [CancelAfter(20_000)]
    public void A_FIFO_is_refused_and_hangs_nothing(string name, bool listed)
    {
        var folder = _volume.Add("newtonsoft-new");
        if (listed)
            TestVolume.Edit(folder, m => m["files"]![name] = new string('0', 64));
        File.Delete(Path.Combine(folder, name));
        Run("mkfifo", Path.Combine(folder, name));
        AssertRejected(DriverRejectionReason.Unreadable, $"{name} is a FIFO");
    }

    [Test, CancelAfter(20_000)]
    public void A_FIFO_in_place_of_a_signature_is_refused()
    {
        using var keys = new KeyFolder();
        Run("mkfifo", Path.Combine(_volume.Add("newtonsoft-new"), "driver.json.sig"));
        var catalog = TestVolume.Load(_volume.Options with { Keys = DriverKeys.Read(keys.Path) });
        Assert.That(catalog.Rejections.Single(r => r.Id == "newtonsoft-new").Reason, Is.EqualTo(DriverRejectionReason.Unreadable));
    }

    [Test, CancelAfter(20_000)]
    public void A_device_is_refused()
    {
        var folder = _volume.Add("newtonsoft-new");
        // A link, since making a device needs rights; the volume is made to be the whole system so that the link stays inside of it.
        var canonical = CanonicalPath.Resolve(folder);
        File.CreateSymbolicLink(Path.Combine(folder, "zero"), "/dev/zero");
        TestVolume.Edit(folder, m => m["files"]!["zero"] = new string('0', 64));
        var root = new DriverFolder(folder, canonical, "/");
        var rejection = Assert.Throws<DriverRejectedException>(() => DriverVerifier.Verify(root, DriverVerifier.ReadManifest(root), _volume.Options))!;
        Assert.That((rejection.Reason, rejection.Message), Is.EqualTo((DriverRejectionReason.Unreadable, rejection.Message)));
        Assert.That(rejection.Message, Does.Contain("zero is a device"));
        Assert.That(() => RegularFile.Read("/dev/zero", 1024), Throws.InstanceOf<NotRegularFileException>());
    }

    [Test]
    public void A_socket_is_refused()
    {
        var folder = _volume.Add("newtonsoft-new");
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(Path.Combine(folder, "s")));
        AssertRejected(DriverRejectionReason.Unreadable, "is a socket");
    }

    [Test]
    public void A_hard_link_is_a_file_as_any_other()
    {
        var folder = _volume.Add("newtonsoft-new");
        var outside = Path.Combine(_volume.Path, "outside.dll");
        File.Move(Path.Combine(folder, "Newtonsoft.Json.dll"), outside);
        Run("ln", outside, Path.Combine(folder, "Newtonsoft.Json.dll"));
        Assert.That(_volume.Load().Drivers.Select(d => d.Manifest.Id), Does.Contain("newtonsoft-new"));
    }

    [Test]
    public void A_twin_that_differs_by_case_is_a_file_that_is_not_listed()
    {
        var folder = _volume.Add("newtonsoft-new");
        File.Copy(Path.Combine(folder, "Newtonsoft.Json.dll"), Path.Combine(folder, "newtonsoft.json.DLL"));
        AssertRejected(DriverRejectionReason.FileNotListed, "newtonsoft.json.DLL");
    }

    [TestCase("../plain/TestDrivers.Plain.dll")]
    [TestCase("/etc/passwd")]
    [TestCase("a/../../plain/driver.json")]
    [TestCase("a\\b.dll")]
    [TestCase("driver.json.sig")]
    [TestCase("DRIVER.JSON")]
    public void A_path_that_leads_elsewhere_is_refused_with_the_manifest(string path)
    {
        _volume.Add("newtonsoft-new", "bad", m => m["files"]![path] = new string('0', 64));
        AssertRejected(DriverRejectionReason.ManifestInvalid, $"files['{path}']");
    }

    [Test]
    public void A_link_that_leads_nowhere_is_named()
    {
        var folder = _volume.Add("newtonsoft-new");
        File.Delete(Path.Combine(folder, "Newtonsoft.Json.dll"));
        File.CreateSymbolicLink(Path.Combine(folder, "Newtonsoft.Json.dll"), "gone.dll");
        AssertRejected(DriverRejectionReason.Unreadable, "gone.dll", "Newtonsoft.Json.dll");
    }

    [Test]
    public void A_folder_in_place_of_a_file_is_a_missing_file()
    {
        var folder = _volume.Add("newtonsoft-new");
        File.Delete(Path.Combine(folder, "Newtonsoft.Json.dll"));
        Directory.CreateDirectory(Path.Combine(folder, "Newtonsoft.Json.dll"));
        AssertRejected(DriverRejectionReason.FileMissing, "Newtonsoft.Json.dll");
    }

    [TestCase(false)]
    [TestCase(true)]
    public void Too_many_entries_are_refused(bool folders)
    {
        var folder = _volume.Add("newtonsoft-new");
        for (var i = 0; i <= DriverFiles.MaxEntries; i++)
            if (folders)
                Directory.CreateDirectory(Path.Combine(folder, $"d{i}"));
            else
                File.Create(Path.Combine(folder, $"f{i}")).Dispose();
        AssertRejected(DriverRejectionReason.Unreadable, $"more than {DriverFiles.MaxEntries} files and folders");
    }

    [TestCase("driver.json")]
    [TestCase("huge.bin")]
    public void A_huge_file_is_refused_without_being_read(string name)
    {
        var folder = _volume.Add("newtonsoft-new");
        if (name != "driver.json")
            TestVolume.Edit(folder, m => m["files"]![name] = new string('0', 64));
        // Sparse: a terabyte that takes no room.
        using (var file = File.OpenWrite(Path.Combine(folder, name)))
            file.SetLength(1L << 40);
        AssertRejected(DriverRejectionReason.Unreadable, "1099511627776 bytes");
    }

    [Test]
    public void A_file_without_the_right_to_read_it_is_named()
    {
        if (Environment.IsPrivilegedProcess)
            Assert.Ignore("these tests run as root, which may read everything");
        var folder = _volume.Add("newtonsoft-new");
        File.SetUnixFileMode(Path.Combine(folder, "Newtonsoft.Json.dll"), UnixFileMode.None);
        AssertRejected(DriverRejectionReason.Unreadable, "Newtonsoft.Json.dll", "read access");
    }

    [TestCase("", TestName = "A_volume_that_everybody_may_write_is_warned_of")]
    [TestCase("plain", TestName = "A_drivers_folder_that_everybody_may_write_is_warned_of")]
    [TestCase("plain/TestDrivers.Plain.dll", TestName = "A_file_that_everybody_may_write_is_warned_of")]
    public void Writable(string path)
    {
        var log = new LogLines();
        Assert.That(DriverCatalog.Load(_volume.Options, log, TimeProvider.System).Drivers.Single().WritableByAll, Is.Empty);
        Assert.That(log.Lines.Where(l => l.Id == 1206), Is.Empty);

        var full = Path.TrimEndingDirectorySeparator(Path.Combine(_volume.Path, path));
        File.SetUnixFileMode(full, File.GetUnixFileMode(full) | UnixFileMode.OtherWrite);
        var driver = DriverCatalog.Load(_volume.Options, log, TimeProvider.System).Drivers.Single();
        Assert.That(driver.WritableByAll, Is.EqualTo(new[] { full }));
        Assert.That(log.Lines.Single(l => l.Id == 1206), Is.EqualTo((LogLevel.Warning, 1206, log.Lines.Single(l => l.Id == 1206).Text)));
        Assert.That(DriverInventory.Warning(driver), Does.Contain(full).And.Contain("chmod o-w"));
    }

    private void AssertRejected(DriverRejectionReason reason, params string[] texts)
    {
        var catalog = _volume.Load();
        Assert.That(catalog.Drivers.Select(d => d.Manifest.Id), Is.EqualTo(new[] { "plain" }));
        var rejection = catalog.Rejections.Single();
        Assert.That(rejection.Reason, Is.EqualTo(reason), rejection.Message);
        Assert.That(texts.Any(t => rejection.Message.Contains(t, StringComparison.Ordinal)), Is.True, rejection.Message);
    }

    internal static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        var said = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.That(process.ExitCode, Is.Zero, said);
    }
}

/// <summary>Log lines with an id.</summary>
internal sealed class LogLines : ILoggerFactory, ILogger
{
    private readonly List<(LogLevel Level, int Id, string Text)> _lines = [];

    public IReadOnlyList<(LogLevel Level, int Id, string Text)> Lines
    {
        get { lock (_lines) return [.. _lines]; }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
            _lines.Add((logLevel, eventId.Id, formatter(state, exception)));
    }

    public void Dispose()
    {
    }
}
