using System.Globalization;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Vsphere;

// A laptop's vCenter: see docs/providers/vsphere-double.md.
var port = 0;
var tasks = 1.0;
var boot = 2.0;
string? portFile = null;
string? caFile = null;
string? credentials = null;
for (var i = 0; i < args.Length; i++)
{
    string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
    switch (args[i])
    {
        case "--port": port = int.Parse(Value(), CultureInfo.InvariantCulture); break;
        case "--port-file": portFile = Value(); break;
        case "--ca-file": caFile = Value(); break;
        case "--credentials-folder": credentials = Value(); break;
        case "--task-seconds": tasks = double.Parse(Value(), CultureInfo.InvariantCulture); break;
        case "--boot-seconds": boot = double.Parse(Value(), CultureInfo.InvariantCulture); break;
        default:
            Console.Error.WriteLine("usage: datum-vsphere-double [--port N] [--port-file FILE] [--ca-file FILE] [--credentials-folder FOLDER] [--task-seconds S] [--boot-seconds S]");
            return 2;
    }
}

if (Vcsim.Program is not { } program)
{
    Console.Error.WriteLine("DATUM_VCSIM names no vcsim; deploy/dev/tools.sh vcsim builds it");
    return 3;
}

await using var vcsim = await Vcsim.StartAsync(program);
using var cloud = new VsphereCloud(vcsim, TimeProvider.System, new VsphereKnobs
{
    DefaultDuration = TimeSpan.FromSeconds(tasks),
    GuestBoot = TimeSpan.FromSeconds(boot),
    GuestReports = true,
})
{
    Tell = static line => Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:HH:mm:ss.fff} {line}")),
};
await using var server = await CloudServer.StartAsync(cloud, port, certificate: vcsim.Certificate);
if (caFile is not null)
    await File.WriteAllTextAsync(caFile, vcsim.Authority.ExportCertificatePem());
if (credentials is not null)
{
    Directory.CreateDirectory(credentials);
    await File.WriteAllTextAsync(Path.Combine(credentials, "username"), Vcsim.User);
    await File.WriteAllTextAsync(Path.Combine(credentials, "password"), Vcsim.Password);
}

// Last: who waits for it finds the others.
if (portFile is not null)
    await File.WriteAllTextAsync(portFile, server.Address.Port.ToString(CultureInfo.InvariantCulture));
Console.WriteLine($"vCenter at {server.Address}, user {Vcsim.User}, certificate {vcsim.Certificate.Thumbprint}");
await server.WaitForShutdownAsync();
return 0;
