namespace Datum.Providers.Drivers.Proxmox.Tests;

/// <summary>After all tests: which operations and fields of the platform's description they exercised, into the folder of the conformance reports.</summary>
[SetUpFixture]
public sealed class SchemaUse
{
    [OneTimeTearDown]
    public void Report()
    {
        if (Environment.GetEnvironmentVariable("DATUM_CONFORMANCE_REPORT") is not { Length: > 0 } folder)
            return;
        Directory.CreateDirectory(folder);
        foreach (var release in (string[])["9.1", "8.4"])
            if (Double.Schemas.For(release) is { } schema)
                File.WriteAllLines(Path.Combine(folder, $"ProxmoxDescription-{release}.txt"),
                    [$"operations {schema.UsedOperations.Count} of {schema.KnownOperations.Count}, fields {schema.UsedFields.Count}", "", .. schema.UsedOperations, "", .. schema.UsedFields]);
    }
}
