using System.Globalization;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Gcp;

// A laptop's Google: see docs/providers/gcp-double.md.
var port = 0;
var project = "demo-project";
var operations = 1.0;
var boot = 2.0;
string? portFile = null;
for (var i = 0; i < args.Length; i++)
{
    string Value() => ++i < args.Length ? args[i] : throw new ArgumentException($"{args[i - 1]} needs a value.");
    switch (args[i])
    {
        case "--port": port = int.Parse(Value(), CultureInfo.InvariantCulture); break;
        case "--project": project = Value(); break;
        case "--operation-seconds": operations = double.Parse(Value(), CultureInfo.InvariantCulture); break;
        case "--boot-seconds": boot = double.Parse(Value(), CultureInfo.InvariantCulture); break;
        case "--port-file": portFile = Value(); break;
        default:
            Console.Error.WriteLine("usage: datum-gcp-double [--port N] [--port-file FILE] [--project ID] [--operation-seconds S] [--boot-seconds S]");
            return 2;
    }
}

var cloud = new GcpCloud(TimeProvider.System, new GcpKnobs { DefaultDuration = TimeSpan.FromSeconds(operations), GuestBoot = TimeSpan.FromSeconds(boot) })
{
    ProjectId = project,
    MetadataAccount = $"double@{project}.iam.gserviceaccount.com",
};
await using var server = await CloudServer.StartAsync(cloud, port);
if (portFile is not null)
    await File.WriteAllTextAsync(portFile, server.Address.Port.ToString(CultureInfo.InvariantCulture));
Console.WriteLine($"project {project} at {server.Address}");
await server.WaitForShutdownAsync();
return 0;
