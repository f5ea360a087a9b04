using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Vsphere.Tests;

/// <summary>One vcsim for all tests of the assembly, started when the first asks for it; each test puts a proxy of its own before it, which restores the inventory.</summary>
[SetUpFixture]
public sealed class SharedVcsim
{
    private static readonly Lock Gate = new();
    private static Vcsim? _started;
    private static VimDescription? _description;

    /// <summary>The process. Ends the test where there is no program.</summary>
    public static Vcsim Process
    {
        get
        {
            lock (Gate)
                return _started ??= Vcsim.StartAsync(Vcsim.Program ?? throw SharedFolder.Missing("vcsim", "DATUM_VCSIM names no vcsim (deploy/dev/tools.sh vcsim builds it)")).GetAwaiter().GetResult();
        }
    }

    /// <summary>VMware's description; null where there is no reference folder.</summary>
    public static VimDescription? Description
    {
        get
        {
            lock (Gate)
                return _description ??= SharedFolder.PathOrNull is { } shared && Path.Combine(shared, "specs", "vsphere") is var folder && Directory.Exists(folder) ? VimDescription.Load(folder) : null;
        }
    }

    [OneTimeTearDown]
    public async Task EndAsync()
    {
        if (Environment.GetEnvironmentVariable("DATUM_CONFORMANCE_REPORT") is { Length: > 0 } folder && _description is { } description)
        {
            Directory.CreateDirectory(folder);
            await File.WriteAllLinesAsync(Path.Combine(folder, "VsphereDescription.txt"),
                [$"operations {description.UsedOperations.Count}, members {description.UsedMembers.Count}", "", .. description.UsedOperations, "", .. description.UsedMembers, "", "not described:", .. description.Undescribed]);
        }

        if (_started is { } vcsim)
            await vcsim.DisposeAsync();
    }
}
