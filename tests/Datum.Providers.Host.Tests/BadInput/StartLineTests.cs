using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Datum.Providers.Host.Tests.Loader;

namespace Datum.Providers.Host.Tests.BadInput;

/// <summary>The real program: what it says last when it can't start, and that it isn't a stack trace.</summary>
[TestFixture]
public sealed class StartLineTests
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("datum-start-").FullName;

    [TearDown]
    public void RemoveFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task A_damaged_state_file_ends_the_start_with_one_sentence()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "state"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "state", "plane.log"), "this is no log of ours, but long enough for a header");

        await EndsWithAsync(["--state", Path.Combine(_folder, "state"), "--kubeconfig", Path.Combine(_folder, "kc")], "plane.log' is damaged at offset 0", "Restore it from a backup");
    }

    [Test]
    public async Task A_port_in_use_ends_the_start_with_one_sentence()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        await EndsWithAsync(["--port", $"{port}", "--kubeconfig", Path.Combine(_folder, "kc")], $"127.0.0.1:{port}", "in use");
    }

    [Test]
    public async Task A_kubeconfig_that_cant_be_written_ends_the_start_with_one_sentence()
    {
        var file = Path.Combine(_folder, "file");
        await File.WriteAllTextAsync(file, "");

        await EndsWithAsync(["--kubeconfig", Path.Combine(file, "kc")], file);
    }

    [Test]
    public void A_volume_without_a_driver_is_told()
    {
        using var volume = new TestVolume();
        using var log = new LogLines();

        var catalog = Host.Loader.DriverCatalog.Load(volume.Options, log, TimeProvider.System);

        Assert.That(catalog.Drivers, Is.Empty);
        Assert.That(log.Of(1205).Single(), Does.Contain(volume.Path).And.Contains("Put each driver's folder into it"));
    }

    private async Task EndsWithAsync(string[] arguments, params string[] parts)
    {
        var start = new ProcessStartInfo("dotnet", [Stage.Metadata("HostProgram"), "dev", "--drivers", _folder, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new AssertionException($"It doesn't end: {await output}{await errors}");
        }

        var all = await output + await errors;
        Assert.That(process.ExitCode, Is.EqualTo(1), all);
        Assert.That(all, Does.Not.Contain("Unhandled exception"));
        var line = all.Split('\n').Last(l => l.Contains("[1103]", StringComparison.Ordinal));
        foreach (var part in parts)
            Assert.That(line, Does.Contain(part));
    }
}
