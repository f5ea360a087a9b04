using System.Diagnostics;
using System.Globalization;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

/// <summary>Clients that others wrote work with the double, over HTTPS: it isn't just a mirror of our driver. Its answers are held to the platform's description meanwhile.</summary>
[Category("Slow")]
public sealed class ForeignClientTests
{
    [Test]
    public async Task Proxmoxer_creates_clones_lists_changes_and_deletes()
    {
        var cloud = NewCloud();
        var before = cloud.Objects.Select(o => o.Path).ToList();
        cloud.AddToken("root@pam!other", "value");
        await using var server = await CloudServer.StartAsync(cloud, tls: true);
        var certificate = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"double-{Guid.NewGuid():N}.pem");
        await File.WriteAllTextAsync(certificate, server.Certificate!.ExportCertificatePem());
        var script = Path.Combine(AppContext.BaseDirectory, "Clients", "with_proxmoxer.py");
        var (code, output, errors) = await RunAsync(["-s", script, server.Address.Host, Port(server), certificate, "double", "value"]);
        Assert.That((code, output.Trim()), Is.EqualTo((0, "ok")), errors);
        Assert.That(cloud.Violations, Is.Empty, "An answer of the double isn't as the platform's description says.");
        Assert.That(cloud.Objects.Select(o => o.Path), Is.EqualTo(before));
    }

    // Its list of outlets fails on numbers as ids, which is what every release since 6 answers: it isn't asked for one.
    [Test]
    public async Task Fence_pve_finds_a_machine_and_switches_it()
    {
        var cloud = NewCloud();
        cloud.Do("POST", "/nodes/pve2/qemu", ("vmid", "100"), ("name", "fenced"));
        await using var server = await CloudServer.StartAsync(cloud, tls: true);
        foreach (var (action, word, running) in ((string, string, bool)[])
        [
            ("status", "Status: OFF", false), ("on", "Success: Powered ON", true), ("status", "Status: ON", true),
            ("reboot", "Success: Rebooted", true), ("off", "Success: Powered OFF", false),
        ])
        {
            var (code, output, errors) = await RunAsync(["-s", FencePve, "-a", server.Address.Host, "-u", Port(server), "-l", "root@pam", "-p", "double", "--ssl-insecure", "-A", "-n", "100", "-o", action, "--power-wait=0"]);
            // A status of off is 2.
            Assert.That(code, Is.EqualTo(word.EndsWith("Status: OFF", StringComparison.Ordinal) ? 2 : 0), $"{action}: {output} {errors}");
            Assert.That(output, Does.Contain(word));
            Assert.That(cloud.Objects.Single(o => o.Path == "qemu/100").Body["status"]!.ToString(), Is.EqualTo(running ? "running" : "stopped"));
        }

        var (refusedCode, _, refusedErrors) = await RunAsync(["-s", FencePve, "-a", server.Address.Host, "-u", Port(server), "-l", "root@pam", "-p", "wrong", "--ssl-insecure", "-A", "-n", "100", "-o", "off"]);
        Assert.That((refusedCode, refusedErrors.Contains("Unable to connect/login", StringComparison.Ordinal)), Is.EqualTo((1, true)), refusedErrors);
        Assert.That(cloud.Violations, Is.Empty);
    }

    private static string Clients => Environment.GetEnvironmentVariable("DATUM_PVE_CLIENTS") is { Length: > 0 } folder && Directory.Exists(folder) ? folder
        : throw SharedFolder.Missing("pveclients", "DATUM_PVE_CLIENTS names no folder; deploy/dev/tools.sh pveclients makes one");

    private static string FencePve => Path.Combine(Clients, "root/usr/sbin/fence_pve");

    private static ProxmoxCloud NewCloud() =>
        new(TimeProvider.System, new ProxmoxKnobs { DefaultDuration = TimeSpan.FromMilliseconds(20), NeedsSignIn = true }) { Description = Schemas.For("9.1"), HoldsRequests = false };

    private static string Port(CloudServer server) => server.Address.Port.ToString(CultureInfo.InvariantCulture);

    private static async Task<(int Code, string Output, string Errors)> RunAsync(IEnumerable<string> arguments)
    {
        var root = Path.Combine(Clients, "root");
        // Debian's own interpreter: the packages are built for it.
        var start = new ProcessStartInfo("/usr/bin/python3") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["PYTHONPATH"] = $"{root}/usr/lib/python3/dist-packages:{root}/usr/share/fence";
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        // Libraries that this machine lacks.
        start.Environment["LD_LIBRARY_PATH"] = string.Join(':', Directory.GetDirectories(Path.Combine(root, "usr/lib"), "*-linux-gnu"));
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
        await process.WaitForExitAsync(limit.Token);
        return (process.ExitCode, await output, await errors);
    }
}
