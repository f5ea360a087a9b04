using System.Text;
using System.Text.Json;

namespace Datum.Providers.Host.Loader;

/// <summary>driver.json in the form that build/DriverPack.targets writes, byte for byte.</summary>
internal static class DriverManifestWriter
{
    public static byte[] Write(ManifestDocument manifest, IEnumerable<KeyValuePair<string, string>> files)
    {
        var lines = files.Select(f => $"    {Quote(f.Key)}: {Quote(f.Value)}");
        var text = $$"""
            {
              "formatVersion": {{manifest.FormatVersion}},
              "id": {{Quote(manifest.Id)}},
              "version": {{Quote(manifest.Version)}},
              "contract": { "min": {{Quote(manifest.Contract?.Min)}}, "max": {{Quote(manifest.Contract?.Max)}} },
              "locationKey": {{Quote(manifest.LocationKey)}},
              "entryAssembly": {{Quote(manifest.EntryAssembly)}},
              "entryType": {{Quote(manifest.EntryType)}},
              "targetFramework": {{Quote(manifest.TargetFramework)}},
              "files": {
            {{string.Join(",\n", lines)}}
              }
            }

            """;
        return Encoding.UTF8.GetBytes(text);
    }

    private static string Quote(string? text) => text is null ? "null" : $"\"{JsonEncodedText.Encode(text, System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
}
