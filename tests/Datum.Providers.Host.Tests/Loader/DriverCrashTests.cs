using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Datum.Providers.Host.Loader;
using Datum.Providers.Host.Tests.Cli;
using Datum.Providers.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Tests.Loader;

/// <summary>Drivers that end the process of the real host program, and what its next start knows of it.</summary>
public sealed class DriverCrashTests
{
    private TestVolume _volume = null!;
    private ScratchFolder _scratch = null!;

    [SetUp]
    public void SetUp() => (_volume, _scratch) = (new TestVolume(), new ScratchFolder());

    [TearDown]
    public void TearDown()
    {
        _volume.Dispose();
        _scratch.Dispose();
    }

    private string State => Path.Combine(_scratch.Path, "state");

    private CrashFiles Files => new(State);

    [TestCase("ThreadCrash", CrashKind.UnhandledException, "System.InvalidOperationException in TestDrivers.ThreadCrash")]
    [TestCase("AsyncVoidCrash", CrashKind.UnhandledException, "System.InvalidOperationException in TestDrivers.AsyncVoidCrash")]
    [TestCase("FinalizerCrash", CrashKind.UnhandledException, "System.InvalidOperationException in TestDrivers.FinalizerCrash")]
    [TestCase("ExitCrash", CrashKind.Exit, "Environment.Exit in TestDrivers.ExitCrash")]
    [TestCase("FailFastCrash", CrashKind.Fatal, "in TestDrivers.FailFastCrash")]
    [TestCase("StackOverflowCrash", CrashKind.Fatal, "System.StackOverflowException in TestDrivers.StackOverflowCrash")]
    [TestCase("NativeCrash", CrashKind.Fatal, "a signal in native code in TestDrivers.")]
    [TestCase("AbortCrash", CrashKind.Fatal, "a signal in native code in TestDrivers.")]
    [TestCase("ConstructorCrash", CrashKind.Fatal, "in TestDrivers.ConstructorCrash")]
    public async Task L9_a_driver_that_ends_the_process_is_recorded_once(string entryType, CrashKind kind, string what)
    {
        Add(entryType);
        var log = await CrashAsync(reports: true);
        using (var book = CrashBook.Open(State, TimeProvider.System, NullLogger.Instance))
        {
            var crash = Files.ReadCrashes().Single();
            Assert.That((crash.Driver, crash.Version, crash.Kind), Is.EqualTo(("special", "1.2.3", kind)), log);
            Assert.That(crash.What, Does.Contain(what));
            Assert.That(File.ReadAllText(Files.RecordPath), Does.Not.Contain("canary"), "L12");
        }

        Assert.That(Directory.GetFiles(Path.Combine(Files.Folder, "crash-reports")), Has.Length.EqualTo(1), "the report is kept for people");
        // It was looked at once: another start finds nothing new.
        using (CrashBook.Open(State, TimeProvider.System, NullLogger.Instance))
            Assert.That(Files.ReadCrashes(), Has.Count.EqualTo(1));
    }

    [TestCase("ThreadCrash", 1)]
    [TestCase("ExitCrash", 0)]
    [TestCase("FailFastCrash", 0)]
    public async Task Without_crash_reports_only_unhandled_exceptions_are_told(string entryType, int crashes)
    {
        Add(entryType);
        var log = await CrashAsync(reports: false);
        using var book = CrashBook.Open(State, TimeProvider.System, NullLogger.Instance);
        Assert.That(Files.ReadCrashes(), Has.Count.EqualTo(crashes), log);
        if (entryType == "ExitCrash")
            Assert.That(log, Does.Contain("ended by a call of Environment.Exit(7)"));
    }

    [Test]
    public async Task After_two_crashes_it_is_not_loaded_until_it_is_forgiven()
    {
        Add("ThreadCrash");
        _volume.Add("plain");
        await CrashAsync(reports: true);
        await CrashAsync(reports: true);

        await using (var host = Start(reports: true))
        {
            await host.SaysAsync("Ready, process");
            Assert.That(host.Process.Error, Does.Match(@"special rejected in phase Verify, CrashedRepeatedly: Driver special 1\.2\.3 ended the host twice within 10 minutes: at \d{4}-"));
            var there = JsonNode.Parse(File.ReadAllText(Path.Combine(Files.Folder, DriverInventory.FileName)))!["drivers"]!.AsArray();
            Assert.That(there.Select(d => $"{d!["id"]} {d["state"]} {d["reason"]}".Trim()), Is.EqualTo(new[] { "plain Ready", "special Rejected CrashedRepeatedly" }));
            Assert.That(await host.Process.StopAsync(), Is.Zero, host.Process.Error);
        }

        var forgiven = await CliRun.Async("drivers", "forgive", "special", "--state", State, "-o", "json");
        Assert.That((forgiven.Exit, JsonNode.Parse(forgiven.Out)!["forgiven"]!.AsArray().Count), Is.EqualTo((0, 2)), forgiven.Error);
        // It is loaded again, and does it again.
        Assert.That(await CrashAsync(reports: true), Does.Contain("Driver special 1.2.3 for location key special"));
    }

    [Test]
    public async Task L9_a_host_that_is_killed_speaks_against_nobody()
    {
        Add("QuietFactory");
        for (var i = 0; i < 3; i++)
        {
            await using var host = Start(reports: true);
            await host.SaysAsync("Ready, process");
            await host.ProbeAsync();
            using (var kill = Process.Start("/bin/sh", ["-c", $"kill -KILL {host.Process.Pid}"]))
                await kill.WaitForExitAsync();
            await host.EndAsync();
        }

        using var book = CrashBook.Open(State, TimeProvider.System, NullLogger.Instance);
        Assert.That(Files.ReadCrashes(), Is.Empty);
    }

    private void Add(string entryType) => _volume.Add("special", "special", m => m["entryType"] = "TestDrivers." + entryType);

    /// <summary>Starts the host and lets the driver be probed, until the process is gone; returns the log.</summary>
    private async Task<string> CrashAsync(bool reports)
    {
        await using var host = Start(reports);
        var crashes = host.EndAsync();
        var probe = host.ProbeWhenReadyAsync(crashes);
        await crashes;
        await probe;
        return host.Process.Error;
    }

    private HostRun Start(bool reports)
    {
        var kubeconfig = Path.Combine(_scratch.Path, "kubeconfig");
        var program = typeof(TestVolume).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "HostProgram").Value;
        var environment = reports ? $"DOTNET_DbgEnableMiniDump=1 DOTNET_EnableCrashReportOnly=1 DOTNET_DbgMiniDumpName={Files.Folder}/crash.%p.%t " : "";
        var line = $"{environment}exec dotnet {program} dev --drivers {_volume.Path} --state {State} --kubeconfig {kubeconfig}";
        return new HostRun(CliProcess.Start(line, _scratch.Path, "/usr/bin"), kubeconfig);
    }

    /// <summary>The program, with a ProviderConfig and a Location that make it open a session and probe the account.</summary>
    private sealed class HostRun(CliProcess process, string kubeconfig) : IAsyncDisposable
    {
        public CliProcess Process => process;

        public Task SaysAsync(string text) => Eventually.NothingWrongAsync(() => Task.FromResult(process.Error.Contains(text, StringComparison.Ordinal) ? null : process.Ended ? throw new AssertionException(process.Error) : "not yet"),
            TimeSpan.FromSeconds(60), text, () => process.Error, TimeSpan.FromMilliseconds(20));

        public Task EndAsync() => Eventually.NothingWrongAsync(() => Task.FromResult(process.Ended ? null : "it runs"), TimeSpan.FromSeconds(90), "the host ends", () => process.Error, TimeSpan.FromMilliseconds(20));

        public async Task ProbeAsync()
        {
            var kubectl = new Kubectl(kubeconfig, Path.GetDirectoryName(kubeconfig)!);
            await kubectl.ApplyAsync("""
                apiVersion: providers.datumapis.com/v1alpha1
                kind: ProviderConfig
                metadata: {name: special}
                spec:
                  driver: special
                  locations: {classNames: [datum-managed]}
                ---
                apiVersion: networking.datumapis.com/v1alpha
                kind: Location
                metadata: {name: special}
                spec:
                  locationClassName: datum-managed
                  topology: {topology.datum.net/city-code: DFW}
                  provider: {special: {}}
                """, "default");
        }

        public async Task ProbeWhenReadyAsync(Task ended)
        {
            while (!ended.IsCompleted && !Regex.IsMatch(process.Error, "Ready, process"))
                await Task.WhenAny(ended, Task.Delay(20));
            if (ended.IsCompleted)
                return;
            try
            {
                await ProbeAsync();
            }
            catch (KubectlException) when (process.Ended)
            {
                return; // it died while kubectl spoke to it
            }
            catch (KubectlException)
            {
                await ended; // it dies, or the test says that it doesn't
            }
        }

        public ValueTask DisposeAsync() => process.DisposeAsync();
    }
}
