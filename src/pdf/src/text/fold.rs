//! Folding: characters that look alike to a reader compare alike.

/// The characters a character is compared as: white space and invisible marks vanish, full-width forms become
/// ASCII, ligatures fall apart, and Kangxi radicals become the ideographs they look like. (Producers
/// that share one glyph between 用 U+7528 and ⽤ U+2F64 write either into the ToUnicode map.)
pub(super) fn fold(c: char) -> impl Iterator<Item = char> {
    let single = |c: char| [Some(c), None, None];
    let folded = match c {
        _ if c.is_whitespace() || c.is_control() => [None; 3],
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' => [None; 3],
        '\u{FF01}'..='\u{FF5E}' => single(char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c)),
        '\u{2F00}'..='\u{2FD5}' => {
            let index = usize::try_from(u32::from(c) - 0x2F00).unwrap_or(usize::MAX);
            // Ideographs of the basic plane are three octets of UTF-8 each.
            single(KANGXI.get(index * 3..index * 3 + 3).and_then(|s| s.chars().next()).unwrap_or(c))
        }
        '\u{FB00}' => [Some('f'), Some('f'), None],
        '\u{FB01}' => [Some('f'), Some('i'), None],
        '\u{FB02}' => [Some('f'), Some('l'), None],
        '\u{FB03}' => [Some('f'), Some('f'), Some('i')],
        '\u{FB04}' => [Some('f'), Some('f'), Some('l')],
        _ => single(c),
    };
    folded.into_iter().flatten()
}

/// The ideographs of the 214 Kangxi radicals in order (Unicode compatibility decompositions).
const KANGXI: &str = "一丨丶丿乙亅二亠人儿入八冂冖冫几凵刀力勹匕匚匸十卜卩厂厶又口囗土士夂夊夕大女子宀寸小尢尸屮山巛工己巾\
    干幺广廴廾弋弓彐彡彳心戈戶手支攴文斗斤方无日曰月木欠止歹殳毋比毛氏气水火爪父爻爿片牙牛犬玄玉瓜瓦甘生用田疋疒癶\
    白皮皿目矛矢石示禸禾穴立竹米糸缶网羊羽老而耒耳聿肉臣自至臼舌舛舟艮色艸虍虫血行衣襾見角言谷豆豕豸貝赤走足身車辛\
    辰辵邑酉釆里金長門阜隶隹雨靑非面革韋韭音頁風飛食首香馬骨高髟鬥鬯鬲鬼魚鳥鹵鹿麥麻黃黍黑黹黽鼎鼓鼠鼻齊齒龍龜龠";

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        text.chars().flat_map(fold).collect()
    }

    #[test]
    fn radicals_full_width_forms_and_space_fold() {
        assert_eq!(folded("（盖　章 处）"), "(盖章处)");
        assert_eq!(folded("\u{2F64}\u{2F00}\u{2FD5}"), "用一龠");
        assert_eq!(folded("o\u{FB03}ce\u{200B}\n"), "office");
        assert_eq!(KANGXI.chars().count(), 214);
    }
}
