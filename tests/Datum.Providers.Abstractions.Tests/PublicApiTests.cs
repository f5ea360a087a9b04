namespace Datum.Providers.Abstractions.Tests;

/// <summary>The contract's whole surface is a text that reviewers read. A line removed or changed breaks drivers that were built before.</summary>
public sealed class PublicApiTests
{
    private static readonly string _approvedFile = Repository.Path("tests", "Datum.Providers.Abstractions.Tests", "PublicApi.approved.txt");

    [Test]
    public void The_public_surface_is_the_approved_one()
    {
        var actual = Surface.Print(typeof(Contract).Assembly);
        if (Environment.GetEnvironmentVariable("DATUM_ACCEPT_API") == "1")
        {
            File.WriteAllText(_approvedFile, actual);
            Assert.Ignore($"Accepted: {_approvedFile} was rewritten. Read its difference, then run again without DATUM_ACCEPT_API.");
        }
        var approved = File.Exists(_approvedFile) ? File.ReadAllText(_approvedFile) : "";
        if (approved == actual)
            return;
        Assert.Fail($"""
            The public surface of the contract changed:

            {Difference(approved, actual)}
            An added line is compatible when it is optional (no `required`, or an interface member with a default body).
            A removed or changed line breaks drivers that are already built: it needs a page under docs/decisions and a new major of Contract.Version.
            To accept, run this test with DATUM_ACCEPT_API=1 and commit PublicApi.approved.txt.
            """);
    }

    [Test]
    public void A_changed_member_shows_up_as_a_removed_and_an_added_line_below_its_type() =>
        Assert.That(Difference("class A\n  x: int\n  y: int\n\n", "class A\n  x: int\n  y: string\n\n"), Is.EqualTo("  class A\n-   y: int\n+   y: string\n"));

    /// <summary>Lines that are in one text only, each below its type's line.</summary>
    private static string Difference(string approved, string actual)
    {
        var before = Keyed(approved);
        var after = Keyed(actual);
        var lines = before.Keys.Union(after.Keys)
            .Where(k => before.ContainsKey(k) != after.ContainsKey(k))
            .OrderBy(k => k.Type, StringComparer.Ordinal).ThenBy(k => k.Line, StringComparer.Ordinal)
            .GroupBy(k => k.Type, StringComparer.Ordinal);
        var text = new System.Text.StringBuilder();
        foreach (var type in lines)
        {
            if (type.All(k => k.Line != k.Type))
                text.Append("  ").Append(type.Key).Append('\n');
            foreach (var key in type.OrderBy(k => k.Line == k.Type ? 0 : 1))
                text.Append(before.ContainsKey(key) ? "- " : "+ ").Append(key.Line).Append('\n');
        }
        return text.ToString();

        static Dictionary<(string Type, string Line), bool> Keyed(string text)
        {
            var keys = new Dictionary<(string, string), bool>();
            var type = "";
            foreach (var line in text.Split('\n').Where(l => l.Length > 0))
            {
                if (line[0] != ' ')
                    type = line;
                keys[(type, line)] = true;
            }
            return keys;
        }
    }
}
