using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// The record of the processes that drivers ended. It counts only what was seen: an exception's frames in the process itself, or the
/// runtime's own report of the crash. A process that was killed from outside leaves neither, and so counts against nobody.
/// </summary>
internal sealed partial class CrashBook : ICrashBook, IDisposable
{
    /// <summary>Two within this time are too many.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    /// <summary>After the last one; then the driver gets another try.</summary>
    public static readonly TimeSpan Ages = TimeSpan.FromHours(1);

    private const long MaxReportBytes = 64L * 1024 * 1024;
    private const int KeptReports = 5;
    private const string ReportPattern = "*.crashreport.json";

    private readonly CrashFiles _files;
    private readonly FileStream _lock;
    private readonly string _state;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private IReadOnlyList<DriverCrash> _crashes = [];

    private CrashBook(string state, FileStream held, TimeProvider time, ILogger logger)
    {
        (_state, _files, _lock, _time, _logger) = (state, new CrashFiles(state), held, time, logger);
        // Without fractions that a file might round: with its id it names the process.
        Started = DateTimeOffset.FromUnixTimeMilliseconds(time.GetUtcNow().ToUnixTimeMilliseconds());
    }

    public DateTimeOffset Started { get; }

    /// <summary>The drivers of this process, once <see cref="Begin"/> was called.</summary>
    public IReadOnlyList<DriverModules> Drivers { get; private set; } = [];

    public string Folder => _files.Folder;

    /// <summary>Reads what the last process left, in <paramref name="state"/>. Throws <see cref="IOException"/> when another process holds the folder, or it can't be written.</summary>
    public static CrashBook Open(string state, TimeProvider time, ILogger logger)
    {
        var files = new CrashFiles(state);
        Directory.CreateDirectory(files.Folder);
        FileStream held;
        try
        {
            held = new FileStream(Path.Combine(files.Folder, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new IOException($"The state folder {state} can't be taken: {e.Message} Each host process needs one of its own (--state).", e);
        }

        var book = new CrashBook(state, held, time, logger);
        book.ReadRecord();
        book.ReadReports();
        return book;
    }

    public string? WhyNot(DriverManifest manifest)
    {
        var now = _time.GetUtcNow();
        var own = _crashes.Where(c => c.Driver == manifest.Id && c.Digest == manifest.Digest).OrderByDescending(c => c.At).ToList();
        for (var i = 1; i < own.Count; i++)
        {
            var (last, former) = (own[i - 1], own[i]);
            // A record from the future (the clock was set back) counts as of now.
            if (last.At - former.At > Window || now - last.At > Ages)
                continue;
            return $"Driver {manifest.Id} {manifest.Version} ended the host twice within {Window.TotalMinutes:0} minutes: {Say(former)}, and {Say(last)}. The other drivers start without it; what it made goes on. "
                + $"Take another build of it, or report it to its author. To try it again before {Utc(last.At + Ages)}: datum-providers drivers forgive {manifest.Id} --state {_state}, and restart the host.";
        }

        return null;
    }

    public void Begin(IReadOnlyList<VerifiedDriver> drivers)
    {
        Drivers =
        [
            .. drivers.Select(d => new DriverModules
            {
                Id = d.Manifest.Id, Version = d.Manifest.Version, Digest = d.Manifest.Digest,
                Modules = [.. d.Modules.Select(m => m.Id)], Exits = [.. d.Modules.SelectMany(m => m.Exits.Select(e => DriverModules.Method(m.Id, e)))], Natives = [.. d.Natives.Select(n => Path.GetFileName(n))],
            }),
        ];
        TryWrite(() => _files.Write(new ModuleDocument { FormatVersion = CrashFiles.Format, Process = Environment.ProcessId, Started = Started, Drivers = [.. Drivers] }));
    }

    /// <summary>Adds a crash of this process. On disk when it returns.</summary>
    public void Add(string driver, CrashKind kind, string what)
    {
        var modules = Drivers.FirstOrDefault(d => d.Id == driver);
        Add(new CrashFinding(modules ?? new DriverModules { Id = driver }, kind, what), _time.GetUtcNow(), Environment.ProcessId, Started);
    }

    /// <summary>A disk that is full costs the record and not the host.</summary>
    public void TryWrite(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogUnwritten(_logger, e.Message);
        }
    }

    public void Dispose() => _lock.Dispose();

    private void Add(CrashFinding finding, DateTimeOffset at, int process, DateTimeOffset started)
    {
        var crash = new DriverCrash { Driver = finding.Driver.Id, Version = finding.Driver.Version, Digest = finding.Driver.Digest, At = at, Kind = finding.Kind, What = finding.What, Process = process, Started = started };
        if (_files.Add(crash))
            LogCrash(_logger, crash.Driver, crash.Version, Utc(at), process, crash.Kind, crash.What);
    }

    private void ReadRecord()
    {
        try
        {
            _crashes = _files.ReadCrashes();
        }
        catch (FormatException e)
        {
            LogIgnored(_logger, e.Message);
        }
    }

    private void ReadReports()
    {
        try
        {
            var modules = _files.ReadModules();
            foreach (var report in new DirectoryInfo(_files.Folder).GetFiles(ReportPattern).OrderBy(f => f.LastWriteTimeUtc))
            {
                if (modules is not null)
                    Judge(report, modules);
                Keep(report);
            }

            _crashes = _files.ReadCrashes();
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            LogIgnored(_logger, e.Message);
        }
    }

    /// <summary>Only a report of the very process that the modules are of: another program may have crashed under the same settings.</summary>
    private void Judge(FileInfo report, ModuleDocument modules)
    {
        var at = new DateTimeOffset(report.LastWriteTimeUtc, TimeSpan.Zero);
        if (!report.Name.Split('.').Contains(modules.Process.ToString(CultureInfo.InvariantCulture)) || at < modules.Started - TimeSpan.FromSeconds(1))
            return;
        try
        {
            if (new CrashReport(modules.Drivers ?? []).Judge(RegularFile.Read(report.FullName, MaxReportBytes)) is { } finding)
                Add(finding, at, modules.Process, modules.Started);
            else
                LogNobody(_logger, report.Name);
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            LogIgnored(_logger, $"{report.FullName}: {e.Message}");
        }
    }

    /// <summary>A report is looked at once; the newest stay for people.</summary>
    private void Keep(FileInfo report)
    {
        var kept = Directory.CreateDirectory(Path.Combine(_files.Folder, "crash-reports"));
        report.MoveTo(Path.Combine(kept.FullName, report.Name), overwrite: true);
        foreach (var old in kept.GetFiles(ReportPattern).OrderByDescending(f => f.LastWriteTimeUtc).Skip(KeptReports))
            old.Delete();
    }

    private static string Say(DriverCrash crash) => $"at {Utc(crash.At)} ({crash.Kind}: {crash.What})";

    private static string Utc(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    [LoggerMessage(EventId = 1207, Level = LogLevel.Warning, Message = "The crash record, or a part of it, can't be read and is ignored: {Reason}")]
    private static partial void LogIgnored(ILogger logger, string reason);

    [LoggerMessage(EventId = 1208, Level = LogLevel.Error, Message = "Driver {Driver} {Version} ended the host at {At}, process {Process}, {Kind}: {What}")]
    private static partial void LogCrash(ILogger logger, string driver, string version, string at, int process, CrashKind kind, string what);

    [LoggerMessage(EventId = 1209, Level = LogLevel.Warning, Message = "The last process of the host crashed, and its report {Report} speaks against no driver; it is kept in crash-reports")]
    private static partial void LogNobody(ILogger logger, string report);

    [LoggerMessage(EventId = 1211, Level = LogLevel.Warning, Message = "A file of the host's state folder couldn't be written: {Reason}")]
    private static partial void LogUnwritten(ILogger logger, string reason);
}
