using System.Diagnostics;
using System.Globalization;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Drivers.Gcp.Tests.Conformance;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Gcp.Tests.Unit;

/// <summary>Clients that others wrote work with the double: it isn't just a mirror of our driver. Its answers are held to Google's description meanwhile.</summary>
[Category("Slow")]
public sealed class ForeignClientTests
{
    [Test]
    public Task Google_s_own_Python_client_creates_lists_changes_and_deletes() => RunAsync("with_googleapi.py", a => [a.AbsoluteUri.TrimEnd('/'), "demo-project", Newer()]);

    [Test]
    public Task Libcloud_creates_lists_changes_and_deletes() => RunAsync("with_libcloud.py", a =>
        [a.Host, a.Port.ToString(CultureInfo.InvariantCulture), "demo-project", Path.Combine(TestContext.CurrentContext.WorkDirectory, $"libcloud-{Guid.NewGuid():N}")]);

    private static string Newer() => Descriptions.NewerFolder ?? throw SharedFolder.Missing("gcpclients", "DATUM_GCP_DISCOVERY names no folder with Google's discovery documents");

    private static async Task RunAsync(string script, Func<Uri, string[]> arguments)
    {
        var clients = Environment.GetEnvironmentVariable("DATUM_GCP_CLIENTS");
        if (clients is null || !Directory.Exists(clients))
            throw SharedFolder.Missing("gcpclients", "DATUM_GCP_CLIENTS names no folder; deploy/dev/tools.sh gcpclients makes one");
        var cloud = new GcpCloud(TimeProvider.System, new GcpKnobs { DefaultDuration = TimeSpan.FromMilliseconds(20) }) { Description = Descriptions.Checker, HoldsRequests = false };
        await using var server = await CloudServer.StartAsync(cloud);
        // Debian's own interpreter: the packages are built for it.
        var start = new ProcessStartInfo("/usr/bin/python3") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in (string[])["-s", Path.Combine(AppContext.BaseDirectory, "Clients", script), .. arguments(server.Address)])
            start.ArgumentList.Add(argument);
        start.Environment["PYTHONPATH"] = Path.Combine(clients, "root/usr/lib/python3/dist-packages");
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        await process.WaitForExitAsync(limit.Token);
        Assert.That((process.ExitCode, (await output).Trim()), Is.EqualTo((0, "ok")), await errors);
        Assert.That(cloud.Violations, Is.Empty, "An answer of the double isn't as Google's description says.");
        Assert.That(cloud.Objects, Is.Empty);
    }
}
