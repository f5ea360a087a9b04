namespace Datum.Providers.Conformance;

/// <summary>Puts a report into files.</summary>
public static class ReportFiles
{
    /// <summary>Writes <c>NAME.txt</c>, <c>NAME.junit.xml</c> and <c>NAME.badge</c> into a folder, which is made when it isn't there; returns their paths.</summary>
    public static ImmutableArray<string> Write(ConformanceReport report, string folder, string name)
    {
        Directory.CreateDirectory(folder);
        var text = Path.Combine(folder, name + ".txt");
        var junit = Path.Combine(folder, name + ".junit.xml");
        var badge = Path.Combine(folder, name + ".badge");
        File.WriteAllText(text, TextReport.Write(report));
        JUnitReport.Write(report).Save(junit);
        File.WriteAllText(badge, TextReport.Badge(report) + "\n");
        return [text, junit, badge];
    }
}
