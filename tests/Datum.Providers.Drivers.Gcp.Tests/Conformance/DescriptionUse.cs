namespace Datum.Providers.Drivers.Gcp.Tests;

/// <summary>After all tests: which methods and fields of Google's description they exercised, into the folder of the conformance reports.</summary>
[SetUpFixture]
public sealed class DescriptionUse
{
    [OneTimeTearDown]
    public void Report()
    {
        if (Environment.GetEnvironmentVariable("DATUM_CONFORMANCE_REPORT") is not { Length: > 0 } folder || Conformance.Descriptions.Checker is not { } checker)
            return;
        Directory.CreateDirectory(folder);
        File.WriteAllLines(Path.Combine(folder, "GcpDescription.txt"),
            [$"methods {checker.UsedMethods.Count}, fields {checker.UsedFields.Count}", "", .. checker.UsedMethods, "", .. checker.UsedFields]);
    }
}
