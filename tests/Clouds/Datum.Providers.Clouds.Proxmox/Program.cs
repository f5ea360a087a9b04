using System.Globalization;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Proxmox;

// A laptop's cluster: see docs/providers/proxmox-double.md.
var port = 0;
var tls = false;
var release = "9.1";
var tasks = 1.0;
var boot = 2.0;
string? portFile = null;
string? certificateFile = null;
string? token = null;
for (var i = 0; i < args.Length; i++)
{
    string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
    switch (args[i])
    {
        case "--port": port = int.Parse(Value(), CultureInfo.InvariantCulture); break;
        case "--port-file": portFile = Value(); break;
        case "--tls": tls = true; break;
        case "--certificate-file": certificateFile = Value(); break;
        case "--release": release = Value(); break;
        case "--token-file": token = File.ReadAllText(Value()).Trim(); break;
        case "--task-seconds": tasks = double.Parse(Value(), CultureInfo.InvariantCulture); break;
        case "--boot-seconds": boot = double.Parse(Value(), CultureInfo.InvariantCulture); break;
        default:
            Console.Error.WriteLine("usage: datum-proxmox-double [--port N] [--port-file FILE] [--tls] [--certificate-file FILE] [--release 9.1|8.4] [--token-file FILE] [--task-seconds S] [--boot-seconds S]");
            return 2;
    }
}

var cloud = new ProxmoxCloud(TimeProvider.System, new ProxmoxKnobs
{
    DefaultDuration = TimeSpan.FromSeconds(tasks),
    GuestBoot = TimeSpan.FromSeconds(boot),
    NeedsSignIn = token is not null,
})
{
    Release = release,
};
if (token is not null)
{
    var equals = token.IndexOf('=', StringComparison.Ordinal);
    if (equals < 0 || !token[..equals].Contains('!', StringComparison.Ordinal))
        throw new ArgumentException("The token file holds user@realm!name=secret.");
    cloud.AddToken(token[..equals], token[(equals + 1)..]);
}

await using var server = await CloudServer.StartAsync(cloud, port, tls);
if (certificateFile is not null && server.Certificate is { } certificate)
    await File.WriteAllTextAsync(certificateFile, certificate.ExportCertificatePem());
if (portFile is not null)
    await File.WriteAllTextAsync(portFile, server.Address.Port.ToString(CultureInfo.InvariantCulture));
Console.WriteLine($"cluster {cloud.ClusterName} at {server.Address}");
await server.WaitForShutdownAsync();
// What was the platform's own part of whatever was tried.
foreach (var task in cloud.Tasks)
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{task.Start:HH:mm:ss.f} to {task.End:HH:mm:ss.f} {task.Type} {task.Id}: {task.Exit ?? "at work"}"));
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cloud.Tasks.Count} tasks, {cloud.Tasks.Sum(t => (t.End - t.Start).TotalSeconds):0.0} s of work, {cloud.Calls.Count} calls"));
return 0;
