using System.Globalization;

namespace Datum.Providers.DevPlane;

/// <summary>Equality and set-based label selectors, with the real server's refusals.</summary>
internal sealed class LabelSelector
{
    private const string Signs = "=!(),<>";
    private static readonly string[] Operators = ["==", "!=", "=", "!", "(", ")", ",", "<", ">"];

    private readonly List<Token> tokens;
    private readonly List<Func<StoredObject, bool>> tests;
    private int at;

    private LabelSelector(string text, List<Func<StoredObject, bool>> tests) => (tokens, this.tests) = (Scan(text), tests);

    /// <summary>Adds one test per requirement.</summary>
    public static void Parse(string text, List<Func<StoredObject, bool>> tests) => new LabelSelector(text, tests).Run();

    private Token Next => tokens[Math.Min(at, tokens.Count - 1)];

    private void Run()
    {
        while (Next.Kind != TokenKind.End)
        {
            if (Next.Kind != TokenKind.Word && Next.Text != "!") throw Refused($"found '{Next.Text}', expected: !, identifier, or 'end of string'");
            tests.Add(Requirement());
            var after = Take();
            if (after.Kind == TokenKind.End) return;
            if (after.Text != ",") throw Refused($"found '{after.Text}', expected: ',' or 'end of string'");
            if (Next.Kind != TokenKind.Word && Next.Text != "!") throw Refused($"found '{Next.Text}', expected: identifier after ','");
        }
    }

    private Func<StoredObject, bool> Requirement()
    {
        var absent = Next.Text == "!";
        if (absent) at++;
        var word = Take();
        if (word.Kind != TokenKind.Word) throw Broken($"found '{word.Text}', expected: identifier");
        var key = word.Text;
        if (MetadataRules.KeyProblem(key) is { } problem) throw Broken($"{FieldError.NoField}: Invalid value: {JsonText.Quote(key)}: {problem}");
        var ends = Next.Kind == TokenKind.End || Next.Text == ",";
        if (ends && absent) return o => o.Label(key) is null;
        if (ends) return o => o.Label(key) is not null;
        var op = Take().Text;
        switch (op)
        {
            case "=" or "==":
                var equal = Values(key, One());
                return o => o.Label(key) is { } v && equal.Contains(v);
            case "!=":
                var other = Values(key, One());
                return o => o.Label(key) is not { } v || !other.Contains(v);
            case "in" or "notin":
                var values = Values(key, Many());
                return op == "in" ? o => o.Label(key) is { } v && values.Contains(v) : o => o.Label(key) is not { } v || !values.Contains(v);
            case ">" or "<":
                var bound = Bound(One());
                return o => long.TryParse(o.Label(key), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) && (op == ">" ? number > bound : number < bound);
            default:
                throw Broken($"found '{op}', expected: in, notin, =, ==, !=, gt, lt");
        }
    }

    private SortedSet<string> One()
    {
        if (Next.Kind == TokenKind.End || Next.Text == ",") return [""];
        var word = Take();
        return word.Kind == TokenKind.Word ? [word.Text] : throw Broken($"found '{word.Text}', expected: identifier");
    }

    private SortedSet<string> Many()
    {
        var open = Take();
        if (open.Text != "(") throw Broken($"found '{open.Text}' expected: '('");
        if (Next.Text == ")")
        {
            at++;
            return [""];
        }

        if (Next.Kind != TokenKind.Word && Next.Text != ",") throw Broken($"found '{Next.Text}', expected: ',', ')' or identifier");
        var values = new SortedSet<string>(StringComparer.Ordinal);
        while (true)
        {
            var token = Take();
            if (token.Kind == TokenKind.Word)
            {
                values.Add(token.Text);
                if (Next.Text == ",") continue;
                if (Next.Text != ")") throw Broken($"found '{Next.Text}', expected: ',' or ')'");
            }
            else if (token.Text == ",")
            {
                // An empty place between commas or brackets is the empty value.
                if (values.Count == 0 || Next.Text is ")" or ",") values.Add("");
                if (Next.Text == ",") at++;
                if (Next.Text != ")") continue;
            }
            else
            {
                throw Broken($"found '{token.Text}', expected: ',', or identifier");
            }

            at++;
            return values;
        }
    }

    private static SortedSet<string> Values(string key, SortedSet<string> values)
    {
        var i = 0;
        foreach (var value in values)
        {
            if (MetadataRules.LabelProblem(value) is { } problem) throw Broken($"values[{i}][{key}]: Invalid value: {JsonText.Quote(value)}: {problem}");
            i++;
        }

        return values;
    }

    private static long Bound(SortedSet<string> values) =>
        long.TryParse(values.First(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var bound)
            ? bound
            : throw Broken($"values[0]: Invalid value: {JsonText.Quote(values.First())}: for 'Gt', 'Lt' operators, the value must be an integer");

    private Token Take()
    {
        var token = Next;
        at++;
        return token;
    }

    private static List<Token> Scan(string text)
    {
        var tokens = new List<Token>();
        for (var i = 0; i < text.Length;)
        {
            if (text[i] is ' ' or '\t' or '\r' or '\n')
            {
                i++;
                continue;
            }

            if (Operators.FirstOrDefault(o => string.CompareOrdinal(text, i, o, 0, o.Length) == 0) is { } op)
            {
                tokens.Add(new Token(TokenKind.Sign, op));
                i += op.Length;
                continue;
            }

            var from = i;
            while (i < text.Length && !Signs.Contains(text[i], StringComparison.Ordinal) && !char.IsWhiteSpace(text[i])) i++;
            tokens.Add(new Token(TokenKind.Word, text[from..i]));
        }

        tokens.Add(new Token(TokenKind.End, ""));
        return tokens;
    }

    private static ApiError Broken(string why) => Refused("unable to parse requirement: " + why);

    private static ApiError Refused(string why) => ApiError.BadRequest(why);

    private enum TokenKind
    {
        Word,
        Sign,
        End,
    }

    private sealed record Token(TokenKind Kind, string Text);
}
